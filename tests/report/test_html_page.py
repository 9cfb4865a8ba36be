"""The HTML page of a run: nothing outside of it is needed, and nothing in results becomes HTML."""

import base64
import re
from html.parser import HTMLParser

import pytest

from speechlib.report.html_page import render_html

PAGE = """# Title

Text with `code < 3` and **bold**, see [README.md](README.md), [home](https://example.org/) and [below](#x).

| Layer | PER |
| --- | --- |
| a\\|b | 3 % <script>alert(1)</script> |

<details><summary>Where from</summary>

| seed | command |
| --- | --- |
| 1 | `python -m x "a" <b>` |

</details>

![Caption & more](results/demo/p.png)

*Caption*
"""
PNG = b"\x89PNG\r\n\x1a\n123"


class Tags(HTMLParser):
    """Collects tags and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Note text."""
        self.text += data


def test_the_page_needs_nothing_else():
    page = render_html(PAGE, "A & B", {"results/demo/p.png": PNG})
    found = Tags(page)
    names = [tag for tag, _ in found.tags]
    assert names.count("table") == 2 and names.count("td") == 4 and "details" in names and "summary" in names
    (image,) = [attrs for tag, attrs in found.tags if tag == "img"]
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == PNG
    assert image["alt"] == "Caption & more"
    assert [attrs["href"] for tag, attrs in found.tags if tag == "a"] == ["https://example.org/", "#x"]
    assert "README.md" in found.text  # of the link its text is left
    assert not re.search(r'(src|href)="(?!data:|https?:|#)', page)
    assert "<title>A &amp; B</title>" in page


def test_text_of_results_is_no_html():
    page = render_html(PAGE, "T", {"results/demo/p.png": PNG})
    found = Tags(page)
    assert "script" not in [tag for tag, _ in found.tags]
    assert "3 % <script>alert(1)</script>" in found.text and "code < 3" in found.text
    assert 'python -m x "a" <b>' in found.text and "a|b" in found.text


@pytest.mark.parametrize(("name", "given"), [("q.png", {}), ("p.gif", {"p.gif": b"GIF"})])
def test_pictures_that_are_not_there(name, given):
    with pytest.raises(ValueError, match=f"the page shows {name}"):
        render_html(f"![x]({name})", "T", given)
