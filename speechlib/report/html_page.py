"""Pages as one HTML file that needs nothing else: the pictures are in it; made from Markdown, or from HTML."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
_PICTURE = re.compile(r'(<img\b[^>]*\bsrc=")([^"]+)(")')
_ELSEWHERE = re.compile(r'<a href="(?!https?://|#)[^"]*">(.*?)</a>')  # files that do not come with the page
_KNOWN_TAGS = re.compile(r"&lt;(/?(?:details|summary))&gt;")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #26292e; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; margin-top: 2.2rem; }
h1 { margin-top: 0; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
th, td { padding: .25rem .6rem; text-align: left; border-bottom: 1px solid #e3e6ea; white-space: nowrap; }
th { border-bottom-color: #aab0b8; }
code, pre { font-size: 12.5px; background: #f3f4f6; padding: 0 .2rem; }
pre { padding: .6rem .8rem; overflow-x: auto; }
details { margin: .6rem 0; color: #6b7280; }
em { color: #4b5563; }
"""


def render_html(page: str, title: str, pictures: Mapping[str, bytes]) -> str:
    """Make the page.

    Args:
        page: Markdown with tables, as `speechlib.report.results_page` writes it. Of HTML only details and summary are
            taken as such, all else is shown as text; links to other files become text.
        title: of the window.
        pictures: contents by the name that the page has for them; .png or .svg.

    Raises:
        ValueError: the page names a picture that is not given, or of another kind.
    """
    import markdown

    escaped = _KNOWN_TAGS.sub(r"<\1>", page.replace("<", "&lt;").replace(">", "&gt;"))
    escaped = re.sub(r"(?m)^&gt;", ">", escaped)  # a quotation
    escaped = escaped.replace("<details>", '<details markdown="1">')
    body = markdown.markdown(escaped, extensions=["tables", "md_in_html", "sane_lists"], output_format="html")
    body = _ELSEWHERE.sub(r"\1", body)
    body = body.replace("&amp;lt;", "&lt;").replace("&amp;gt;", "&gt;")  # in code, where it is escaped once more

    def embed(match: re.Match) -> str:
        name = html.unescape(match[2])
        if name not in pictures:
            raise ValueError(f"the page shows {name}, which is not there")
        return f"{match[1]}{data_uri(name, pictures[name])}{match[3]}"

    return whole_page(_PICTURE.sub(embed, body), title)


def data_uri(name: str, contents: bytes) -> str:
    """A picture as an address that holds it.

    Raises:
        ValueError: the name ends neither in .png nor in .svg.
    """
    kind = _TYPES.get(PurePosixPath(name).suffix)
    if kind is None:
        raise ValueError(f"the page shows {name}, which is neither PNG nor SVG")
    return f"data:{kind};base64,{base64.b64encode(contents).decode()}"


def whole_page(body: str, title: str) -> str:
    """A page of HTML around its body, with the style of all pages; it loads nothing and runs no script.

    Args:
        body: HTML.
        title: text, of the window.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )
