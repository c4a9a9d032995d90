"""A small safe part of Markdown as HTML, for model cards: everything is escaped first, and no HTML passes through."""

import re
from collections.abc import Iterator
from html import escape
from itertools import takewhile, zip_longest

_HEADING = re.compile(r"(#{1,6}) +(.+)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}\.) +(.*)")
_RULE = re.compile(r"\|[\s:|-]+\|")
# No repeated part can contain what follows it or starts the next match, so that a hostile text takes linear time.
_INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\[([^\[\]]+)\]\((https?://[^()\[\]\s]+)\)"), r'<a href="\2" rel="noreferrer">\1</a>'),
)


def to_html(text: str) -> str:
    """Return headings, paragraphs, lists, tables, code, bold words and links as HTML; the rest appears as it is."""
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").expandtabs(4).strip("\n"))
    return "\n".join(part for block in blocks if block.strip() for part in _block(block.split("\n")))


def _block(lines: list[str]) -> Iterator[str]:
    """Yield the HTML of a block of lines without an empty one: any headings, and then at most one other element."""
    headings = list(takewhile(bool, (_HEADING.fullmatch(line.strip()) for line in lines)))
    for heading in filter(None, headings):
        level = len(heading[1])
        yield f"<h{level}>{_inline(heading[2])}</h{level}>"
    lines = lines[len(headings) :]
    if not lines:
        return
    if all(line.startswith("    ") for line in lines):
        yield f"<pre>{escape(chr(10).join(line[4:] for line in lines))}</pre>"
    elif len(lines) > 1 and _RULE.fullmatch(lines[1].strip()):
        yield _table(lines)
    elif _ITEM.fullmatch(lines[0]):
        yield _list(lines)
    else:
        yield f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"


def _list(lines: list[str]) -> str:
    items: list[list[str]] = []
    for line in lines:
        if item := _ITEM.fullmatch(line):
            items.append([item[1]])
        else:
            items[-1].append(line.strip())
    tag = "ol" if lines[0][0].isdigit() else "ul"
    inner = "".join(f"<li>{_inline(' '.join(item))}</li>" for item in items)
    return f"<{tag}>{inner}</{tag}>"


def _table(lines: list[str]) -> str:
    head, rule, *rows = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines)
    sides = [' class="number"' if cell.endswith(":") else "" for cell in rule]

    def row(tag: str, cells: list[str]) -> str:
        sided = zip_longest(cells, sides[: len(cells)], fillvalue="")
        return f"<tr>{''.join(f'<{tag}{side}>{_inline(cell)}</{tag}>' for cell, side in sided)}</tr>"

    others = "".join(row("td", cells) for cells in rows)
    # A wide table scrolls by itself, and by keyboard too.
    table = f"<table><thead>{row('th', head)}</thead><tbody>{others}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>'


def _inline(text: str) -> str:
    html = escape(text)
    for pattern, replacement in _INLINE:
        html = pattern.sub(replacement, html)
    return html
