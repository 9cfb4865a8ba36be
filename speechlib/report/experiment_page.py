"""The report of one experiment: an HTML page with its pictures inside, and the same as a LaTeX source."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from speechlib.report.html_page import data_uri, whole_page
from speechlib.report.latex_text import latex_escape, latex_lines

_PICTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(png|svg)")
_WIDE, _WIDE_SMALL = 88, 118  # characters of a table that fit across a page of paper, and of footnotes' size


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns, with what they say below the title; markup in them is shown, not obeyed."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture: its file's name (.png, or .svg for the page alone), its contents, and what it shows."""

    name: str
    contents: bytes
    title: str
    caption: str = ""


@dataclass(frozen=True)
class ExperimentReport:
    """What there is to tell about an experiment.

    Attributes:
        title: of the page.
        synopsis: name and value of what one wants to know first: scores, data, split hash, versions.
        tables, pictures: in the order shown.
        ini_text: the file that asked for it.
        warnings: what a reader must not overlook (leaks that were allowed), shown before everything else.
    """

    title: str
    synopsis: Sequence[tuple[str, str]]
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    ini_text: str = ""
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        for table in self.tables:
            for row in table.rows:
                if len(row) != len(table.header):
                    raise ValueError(f"table '{table.title}': {len(row)} cells below {len(table.header)} headings")
        names = [picture.name for picture in self.pictures]
        for name in names:
            if not _PICTURE_NAME.fullmatch(name):
                raise ValueError(f"picture {name!r}: expected letters, digits, . _ and -, and .png or .svg at the end")
            if names.count(name) > 1:
                raise ValueError(f"there are two pictures {name}: give them different names")


def html_source(report: ExperimentReport) -> str:
    """The report as one HTML page that loads nothing."""
    text = html.escape
    lines = [f"<h1>{text(report.title)}</h1>"]
    if report.warnings:
        warnings = [f"<li><strong>Warning:</strong> {text(warning)}</li>" for warning in report.warnings]
        lines += ["<ul>", *warnings, "</ul>"]
    lines += _html_table(["", ""], report.synopsis)
    for table in report.tables:
        lines += [f"<h2>{text(table.title)}</h2>", *_html_table(table.header, table.rows)]
        lines += [f"<p>{text(table.text)}</p>"] if table.text else []
    for picture in report.pictures:
        source = data_uri(picture.name, picture.contents)
        lines += [f"<h2>{text(picture.title)}</h2>", f'<p><img alt="{text(picture.title)}" src="{source}"></p>']
        lines += [f"<p><em>{text(picture.caption)}</em></p>"] if picture.caption else []
    if report.ini_text:
        lines += ["<h2>Configuration</h2>", f"<pre>{text(report.ini_text)}</pre>"]
    return whole_page("\n".join(lines), report.title)


def latex_source(report: ExperimentReport) -> str:
    """The report as a LaTeX file for pdflatex; it looks for the pictures beside itself.

    Raises:
        ValueError: a picture is SVG, which LaTeX does not read.
    """
    lines = [_PREAMBLE, f"\\title{{{latex_escape(report.title)}}}", "\\date{}", "\\begin{document}", "\\maketitle"]
    if report.warnings:
        lines += ["\\begin{itemize}"]
        lines += [f"\\item \\textbf{{Warning:}} {latex_escape(warning)}" for warning in report.warnings]
        lines += ["\\end{itemize}"]
    lines += _latex_table(["", ""], report.synopsis)
    for table in report.tables:
        lines += [f"\\section*{{{latex_escape(table.title)}}}", *_latex_table(table.header, table.rows)]
        lines += [latex_escape(table.text), ""] if table.text else []
    for picture in report.pictures:
        if not picture.name.endswith(".png"):
            raise ValueError(f"{picture.name}: LaTeX reads no SVG; make the picture as PNG")
        lines += [f"\\section*{{{latex_escape(picture.title)}}}"]
        lines += [f"\\picturefile{{{picture.name}}}", ""]
        lines += [f"\\emph{{{latex_escape(picture.caption)}}}", ""] if picture.caption else []
    if report.ini_text:
        lines += ["\\section*{Configuration}", "{\\raggedright\\small", latex_lines(report.ini_text), "}"]
    return "\n".join([*lines, "\\end{document}", ""])


_PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{textcomp,lmodern,array,longtable,graphicx}
\usepackage[margin=22mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\LTleft}{0pt}
\setlength{\extrarowheight}{1.5pt}
\newcommand{\picturefile}[1]{\sbox0{\includegraphics{#1}}%
  \ifdim\wd0>\textwidth\includegraphics[width=\textwidth]{#1}\else\usebox0\fi}
\raggedbottom"""


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["<table>"]
    if any(header):
        lines += ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in header) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows]
    return [*lines, "</table>"]


def _latex_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table that may go over several pages; what is too wide is small, and its widest columns break their lines."""
    if not rows:
        return []
    cells = [[latex_escape(str(cell)) for cell in row] for row in rows]
    widths = [max(len(str(cell)) for cell in column) + 2 for column in zip(header, *rows, strict=True)]
    columns = ["l"] * len(widths)
    wide = sum(widths) > _WIDE
    if wide:
        room = _WIDE_SMALL
        for left, index in enumerate(sorted(range(len(widths)), key=widths.__getitem__)):
            share = min(widths[index], room // (len(widths) - left))  # what narrow columns do not need, others get
            room -= share
            if share < widths[index]:
                width = f"{share / _WIDE_SMALL:.3f}\\textwidth-2\\tabcolsep"
                columns[index] = f">{{\\raggedright\\arraybackslash}}p{{\\dimexpr {width}\\relax}}"
                for row in cells:
                    row[index] = row[index].replace("\\_", "\\_\\allowbreak{}")
    lines = ["{\\footnotesize"] * wide + [f"\\begin{{longtable}}{{{''.join(columns)}}}"]
    if any(header):
        lines += [" & ".join(f"\\textbf{{{latex_escape(cell)}}}" for cell in header) + " \\\\", "\\hline", "\\endhead"]
    lines += [" & ".join(row) + " \\\\" for row in cells]
    return [*lines, "\\end{longtable}", *["}"] * wide]
