"""Months as Lending Club writes them ("Dec-2015"), and as whole numbers that can be subtracted."""

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(text: str | None) -> int | None:
    """Return the month as a number, 12 for each year, or None where the text is not a month such as "Dec-2015"."""
    name, _, year = (text or "").strip().partition("-")
    return int(year) * 12 + _NAMES.index(name) if name in _NAMES and year.isdecimal() and len(year) == 4 else None


def text(month: int) -> str:
    """Return the month of a number as Lending Club writes it."""
    return f"{_NAMES[month % 12]}-{month // 12}"
