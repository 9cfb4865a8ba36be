"""The report of an experiment: HTML and LaTeX show any text as it is, whole and without anything from elsewhere."""

import re
from html.parser import HTMLParser

import pytest

from speechlib.report.experiment_page import ExperimentReport, Picture, Table, html_source, latex_source
from speechlib.report.latex_text import latex_escape, latex_lines

HOSTILE = r"a_b%c&d#e$f{g}h~i^j\k<b>|l--m"
INI = "[EXP]\nname = a_b\n\n  labels = ['wütend', \"froh\"]\n# \\end{document} \\input{/etc/passwd}\n"


def report(**changes):
    values = {
        "title": f"Experiment {HOSTILE}",
        "synopsis": [("UAR", "0.712 [0.61, 0.80]"), ("split", "sha256 12ab")],
        "tables": [Table("Speakers & sexes", ["speaker", "UAR"], [["[03]", "0.8"], ["*", "0.7"]], "By fold: 100 %")],
        "pictures": [Picture("confusion.png", b"\x89PNG1", "Confusion", "of <all> folds")],
        "ini_text": INI,
        "warnings": ["speakers are shared: allow_leak = ['speaker']"],
    }
    return ExperimentReport(**(values | changes))


class Texts(HTMLParser):
    """All texts of a page, and its tags with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags = [], []
        self.feed(page)

    def handle_data(self, data):
        self.texts.append(data)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_page_shows_everything_as_it_is():
    page = Texts(html_source(report()))
    for text in (f"Experiment {HOSTILE}", "0.712 [0.61, 0.80]", "Speakers & sexes", "[03]", "of <all> folds", INI):
        assert text in page.texts
    assert page.texts.index(" speakers are shared: allow_leak = ['speaker']") < page.texts.index("UAR")
    assert not {"b", "all", "script", "link"} & {tag for tag, _ in page.tags}


def test_page_needs_nothing_else():
    page = Texts(html_source(report()))
    addresses = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href")]
    assert addresses == ["data:image/png;base64,iVBORzE="]
    policies = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_parts_that_are_not_there_leave_no_headings():
    page = html_source(ExperimentReport("t", []))
    assert "<h2>" not in page and "<table>" not in page and "Warning" not in page
    source = latex_source(ExperimentReport("t", []))
    assert "section" not in source and "begin{longtable}" not in source


def test_svg_is_for_the_page_alone():
    drawn = report(pictures=[Picture("a.svg", b"<svg/>", "A")])
    assert "data:image/svg+xml;base64," in html_source(drawn)
    with pytest.raises(ValueError, match="a.svg: LaTeX reads no SVG"):
        latex_source(drawn)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b%c&d#e$f", r"a\_b\%c\&d\#e\$f"),
        (r"{\x}", r"\{\textbackslash{}x\}"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("<|>", r"\textless{}\textbar{}\textgreater{}"),
        ("a--b [1]*", "a-{}-{}b {[}1{]}{*}"),
        ("\"it's\" `x`", r"\textquotedbl{}it\textquotesingle{}s\textquotedbl{} \textasciigrave{}x\textasciigrave{}"),
        ("wütend złość", "wütend złość"),
        ("u\u0308", "ü"),
        ("± α Δ ς", r"\ensuremath{\pm} \ensuremath{\alpha} \ensuremath{\Delta} U+03C2"),
        ("中\U0001f600", "U+4E2DU+1F600"),
        ("a\tb\n\n c\x00", "a b c"),
    ],
)
def test_any_text_becomes_latex_that_prints_it(text, expected):
    assert latex_escape(text) == expected


def test_lines_keep_their_spaces_and_are_not_obeyed():
    assert latex_lines("a  b\n\n\tc_d\n\n") == "\\texttt{a ~b}\\\\\n\\mbox{}\\\\\n\\texttt{~~~~c\\_d}\\\\"
    assert r"\end{document}" not in latex_lines(INI) and r"\input" not in latex_lines(INI)


def test_latex_has_the_same_content():
    source = latex_source(report())
    assert source.count("\\end{document}") == 1 and source.endswith("\\end{document}\n")
    for part in (
        r"\title{Experiment a\_b\%c\&d\#e\$f\{g\}h\textasciitilde{}",
        r"\item \textbf{Warning:} speakers are shared",
        r"UAR & 0.712 {[}0.61, 0.80{]} \\",
        r"\section*{Speakers \& sexes}",
        r"\textbf{speaker} & \textbf{UAR} \\",
        "{[}03{]} & 0.8 \\\\\n{*} & 0.7 \\\\",
        r"\picturefile{confusion.png}",
        r"\emph{of \textless{}all\textgreater{} folds}",
        r"\texttt{name = a\_b}\\",
    ):
        assert part in source
    # every brace that is not printed is closed
    bare = re.sub(r"\\[{}]", "", source)
    assert bare.count("{") == bare.count("}")


def test_wide_tables_are_small_and_their_widest_columns_break_lines():
    wide = latex_source(report(tables=[Table("t", ["a", "b", "c"], [["x_y" * 25, "z_" * 30, "1_2"]])]))
    # 118 characters: 5 for the narrow column, 56 and 57 of what is left
    column = ">{\\raggedright\\arraybackslash}p{\\dimexpr %s\\textwidth-2\\tabcolsep\\relax}"
    assert "{\\footnotesize\n\\begin{longtable}{" + column % "0.483" + column % "0.475" + "l}" in wide
    assert r"z\_\allowbreak{}z" in wide and r"1\_2 \\" in wide
    assert "arraybackslash" not in latex_source(report()) and "footnotesize" not in latex_source(report())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": [Table("t", ["a", "b"], [["1"]])]}, "table 't': 1 cells below 2 headings"),
        ({"pictures": [Picture("a b.png", b"", "A")]}, "'a b.png': expected letters"),
        ({"pictures": [Picture("../a.png", b"", "A")]}, "expected letters"),
        ({"pictures": [Picture("a.gif", b"", "A")]}, ".png or .svg at the end"),
        ({"pictures": [Picture("a.png", b"", "A"), Picture("a.png", b"", "B")]}, "two pictures a.png"),
    ],
)
def test_reports_are_checked(changes, message):
    with pytest.raises(ValueError, match=message):
        report(**changes)
