"""The part of Markdown that model cards use, as HTML."""

import pytest

from credit_risk_model.service.markdown import to_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One\n## Two\nwords\nand more", "<h1>One</h1>\n<h2>Two</h2>\n<p>words and more</p>"),
        ("- one\n  more\n- two", "<ul><li>one more</li><li>two</li></ul>"),
        ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
        ("    a < b\n      c", "<pre>a &lt; b\n  c</pre>"),
        ("`a_b` and **bold**", "<p><code>a_b</code> and <strong>bold</strong></p>"),
        ("[a](https://b.org/c)", '<p><a href="https://b.org/c" rel="noreferrer">a</a></p>'),
        ("[a](javascript:b)", "<p>[a](javascript:b)</p>"),
        ("[a](data:text/html,b)", "<p>[a](data:text/html,b)</p>"),
        ("a & <b>", "<p>a &amp; &lt;b&gt;</p>"),
        ("| no table |", "<p>| no table |</p>"),
        ("one\r\n\r\ntwo", "<p>one</p>\n<p>two</p>"),
        ("", ""),
        ("\n \n", ""),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_table_keeps_the_alignment_of_its_columns() -> None:
    html = to_html("| a | b |\n|---|--:|\n| 1 | 2 | 3 |\n| 4 |")

    assert '<thead><tr><th>a</th><th class="number">b</th></tr></thead>' in html
    assert '<tr><td>1</td><td class="number">2</td><td>3</td></tr><tr><td>4</td></tr>' in html


@pytest.mark.parametrize(
    "part", ["[", "**", "`", "[a](https://b", "|", "#", "- ", "    ", "\n", "a\n|-", "**a`[", "1", "# a\n", "- a\n"]
)
def test_a_hostile_text_is_formatted_in_linear_time(part: str) -> None:
    """It would take hours where a pattern tries the rest of the text from each of its places."""
    assert to_html(part * (262_144 // len(part))) is not None


def test_a_hostile_list_is_formatted_in_linear_time() -> None:
    assert to_html("- a\n" + "b\n" * 130_000).count("<li>") == 1
