"""Templates of result pages (YAML), and tables of other people's numbers that stand beside ours."""

from __future__ import annotations

import os
from typing import Any

from speechlib.io.text_files import read_lines, read_text
from speechlib.io.yaml_files import parse_yaml


def read_template(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, dict[str, dict[str, str]]]]:
    """Read a template and the reference files that its tables name.

    Args:
        path: YAML, see `speechlib.report.results_page.render_page`.

    Returns:
        The template; and the references: by file as named, by column's title, text by the first column's value.

    Raises:
        ValueError: not YAML, or a bad reference file; with file:line. OSError: a file cannot be read.
    """
    template = parse_yaml(read_text(path), path)
    try:
        tables = [section["table"] for section in template["sections"] if "table" in section]
        files = {table["reference"] for table in tables if isinstance(table.get("reference"), str)}
    except (KeyError, TypeError, AttributeError):
        files = set()  # whoever renders it says what is wrong with it
    return template, {file: read_reference(file) for file in sorted(files)}


def read_reference(path: str | os.PathLike) -> dict[str, dict[str, str]]:
    """Read tab-separated columns with a title line; the first column says which row of ours a line belongs to.

    Returns:
        By title of the other columns, text by the first column's value (fields of a row joined by `|`). Lines that
        begin with # are comments.

    Raises:
        ValueError: no column beside the first, a line of another length, or a row that comes twice; with file:line.
    """
    rows = enumerate(read_lines(path), 1)
    lines = [(number, row.split("\t")) for number, row in rows if row.strip()]
    lines = [(number, cells) for number, cells in lines if not cells[0].startswith("#")]
    if not lines or len(lines[0][1]) < 2:
        raise ValueError(f"{path}:1: expected a title line of at least two columns, separated by tabs")
    titles = lines[0][1]
    columns: dict[str, dict[str, str]] = {title: {} for title in titles[1:]}
    if len(columns) < len(titles) - 1:
        raise ValueError(f"{path}:{lines[0][0]}: two columns have the same title")
    for number, cells in lines[1:]:
        if len(cells) != len(titles):
            raise ValueError(f"{path}:{number}: expected {len(titles)} columns separated by tabs, got {len(cells)}")
        for title, text in zip(titles[1:], cells[1:], strict=True):
            if cells[0] in columns[title]:
                raise ValueError(f"{path}:{number}: row '{cells[0]}' was there already; keep one of them")
            columns[title][cells[0]] = text
    return columns
