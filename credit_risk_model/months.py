"""Converts months between Lending Club's format ("Dec-2015") and whole numbers that can be subtracted."""

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(text: str | None) -> int | None:
    """Return the month as a number that grows by 12 per year, or None if the text is not a month like "Dec-2015"."""
    name, _, year = (text or "").strip().partition("-")
    is_year = len(year) == 4 and year.isascii() and year.isdecimal()
    return int(year) * 12 + _NAMES.index(name) if name in _NAMES and is_year else None


def text(month: int) -> str:
    """Return the month of a number in Lending Club's format."""
    return f"{_NAMES[month % 12]}-{month // 12}"
