"""A page of results in Markdown, made from a template of headings and columns and from result files alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Result = Mapping[str, Any]
Summarise = Callable[[Sequence[Result]], Mapping[str, Mapping[str, Any]]]
References = Mapping[str, Mapping[str, Mapping[str, str]]]  # by file, by column's title, text by the row's fields

_NOTE = (
    "Intervals in brackets: 95 % by bootstrap over {units} (what other {units} of the same kind might have given), "
    "the mean of their ends where there are several seeds. ± is the standard deviation between seeds."
)
_UNITS = ("speakers", "conversations", "recordings")  # by extra.resampled; speakers if none of them


@dataclass(frozen=True)
class Row:
    """Results that differ in the seed alone, and what they are grouped by."""

    key: tuple
    paths: tuple[str, ...]
    results: tuple[Result, ...]
    summary: Mapping[str, Mapping[str, Any]]


def render_page(
    template: Mapping[str, Any],
    results: Mapping[str, Result],
    files: Sequence[str],
    summarise: Summarise,
    folder: str = "results",
    references: References | None = None,
    only: str | None = None,
) -> tuple[str, list[str]]:
    """Fill a template.

    The template has a `title`, an introducing `text`, a list of `corpora` and a list of `sections`; every corpus gets
    every section for which it has results. A corpus has a `folder`, a `title` and a `text`; the folder `*` is every one
    that no other corpus names, each with its name behind the title. A section has a `title`, a `text`, perhaps
    `optional: true` (another recipe makes its results, which may not be there), and either or both of

    - `table`: `results`, a pattern of paths below the corpus's folder (`*` stays within a part of a path); `rows`, the
      fields that make a row: results that agree in them are seeds of one; and `columns`, each with a `title` and one of
      `field` (a value of the result, the same for all seeds or shown as a range), `metric` (mean ± deviation over seeds
      [interval]; with `percent: true` or `digits: N`; `interval: false` leaves that out; `cost: true`: no share of
      errors, which an interval without width would need a note for) or `known` (numbers from
      elsewhere: text by the row's fields joined by `|`); and, if wanted, `reference`, a file of such numbers (of a
      paper), which become columns behind ours;
    - `figures`: each a `file` below the corpus's folder and a `text`.

    A field is a dotted path into the result (`extra.layer`, `counts.speakers`), or `path.N`, part N of its own path.

    Args:
        template: as read from YAML.
        results: by path below the folder of results: `demo/clustering/L5/seed1/result.json`.
        files: paths of pictures below the same folder.
        summarise: from results that differ in the seed to mean, sd, interval and num_seeds by metric
            (`speechlib.io.results.merge_seeds`).
        folder: where the results lie as seen from the page, for the links.
        references: what the files named by `reference` hold (`speechlib.io.results_template`).
        only: the folder of the one corpus that is shown; sections for which it has nothing are no mistake then.

    Returns:
        The page, and warnings: figures that are not there, results that have no place.

    Raises:
        ValueError: a mistake in the template with its place; a field or metric that a result lacks; a table without any
            result in any corpus; or results in a row that do not belong together.
    """
    _check_keys(template, "the template", {"title", "corpora", "sections"}, {"text"})
    lines = [f"# {template['title']}", ""]
    lines += ["Written by `speechlib.bin.make_results` from the `result.json` files of runs; not to be edited.", ""]
    lines += _paragraph(template.get("text")) + [_NOTE.format(units=_units(results.values())), ""]
    warnings: list[str] = []
    used: set[str] = set()
    if only is not None:
        results = {path: result for path, result in results.items() if path.startswith(f"{only}/")}
        if not results:
            raise ValueError(f"{folder}/{only}: no result there")
        if not {only, "*"} & {corpus.get("folder") for corpus in template["corpora"]}:
            template = {**template, "corpora": [{"folder": only, "title": only}]}
    corpora = _corpora(template["corpora"], {path.partition("/")[0] for path in results})
    for corpus in corpora:
        prefix = f"{corpus['folder']}/"
        own = {path[len(prefix) :]: result for path, result in sorted(results.items()) if path.startswith(prefix)}
        if not own:
            continue
        lines += [f"## {corpus['title']}", "", *_paragraph(corpus.get("text"))]
        for section in template["sections"]:
            _check_keys(section, "a section", {"title"}, {"text", "table", "figures", "optional"})
            body, pictures = [], []
            if "table" in section and not (
                body := _table(section["table"], section["title"], own, summarise, references or {})
            ):
                continue
            for figure in section.get("figures", []):
                _check_keys(figure, f"a figure of section '{section['title']}'", {"file"}, {"text"})
                if prefix + figure["file"] in files:
                    caption = " ".join(str(figure.get("text", "")).split())
                    pictures += [f"![{caption or section['title']}]({folder}/{prefix}{figure['file']})", ""]
                    pictures += [f"*{caption}*", ""] if caption else []
                else:
                    warnings.append(f"section '{section['title']}' has no picture {folder}/{prefix}{figure['file']}")
            if body or pictures:
                used.add(section["title"])
                lines += [f"### {section['title']}", "", *_paragraph(section.get("text")), *body, *pictures]
    known = {corpus["folder"] for corpus in corpora}
    for folder_of_results in sorted({path.partition("/")[0] for path in results} - known):
        warnings.append(f"the template has no corpus '{folder_of_results}': its results are not on the page")
    for section in template["sections"]:
        if section["title"] not in used and not section.get("optional") and only is None:
            pattern = section.get("table", {}).get("results", "its pictures")
            raise ValueError(f"section '{section['title']}': nothing matches {pattern} in any corpus")
    return "\n".join(lines).rstrip() + "\n", warnings


def _corpora(corpora: list[dict], folders: set[str]) -> list[dict]:
    """Those of the template, the one with the folder `*` replaced by the folders that it stands for."""
    for corpus in corpora:
        _check_keys(corpus, "a corpus", {"folder", "title"}, {"text"})
    others = sorted(folders - {corpus["folder"] for corpus in corpora})
    found = []
    for corpus in corpora:
        if corpus["folder"] == "*":
            found += [{**corpus, "folder": folder, "title": f"{corpus['title']}: {folder}"} for folder in others]
        else:
            found.append(corpus)
    return found


def field_of(path: str, result: Result, field: str) -> Any:
    """A value of a result by its dotted name, see `render_page`; a list becomes a text, `4 x 4`.

    Raises:
        ValueError: the result has no such field.
    """
    head, _, rest = field.partition(".")
    if head == "path":
        parts = path.split("/")
        if not rest.isdigit() or int(rest) >= len(parts):
            raise ValueError(f"{path}: there is no {field}; the path has parts 0 to {len(parts) - 1}")
        return parts[int(rest)]
    value: Any = result
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            known = f"; there are {', '.join(map(str, value))}" if isinstance(value, Mapping) and value else ""
            raise ValueError(f"{path}: there is no {field} in this result{known}")
        value = value[name]
    return " x ".join(map(str, value)) if isinstance(value, list) else value


def matching(results: Mapping[str, Result], pattern: str) -> dict[str, Result]:
    """The results whose paths match a pattern; `*`, `?` and `[...]` stay within one part of the path."""
    parts = pattern.split("/")
    return {
        path: result
        for path, result in results.items()
        if len(names := path.split("/")) == len(parts)
        and all(fnmatchcase(name, part) for name, part in zip(names, parts, strict=True))
    }


def natural_key(value: Any) -> tuple:
    """Sort numbers by size, also those inside of texts: L5 before L10."""
    if isinstance(value, bool | int | float):
        return (0, float(value), ())
    pieces = re.split(r"(\d+)", str(value))
    return (1, 0.0, tuple((int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces))


def group_rows(results: Mapping[str, Result], fields: Sequence[str], summarise: Summarise) -> list[Row]:
    """Put results that agree in the fields into one row, in natural order of the fields' values.

    Raises:
        ValueError: a field is missing, or results of one row do not belong together; names a path.
    """
    groups: dict[tuple, list[str]] = {}
    for path, result in results.items():
        groups.setdefault(tuple(field_of(path, result, field) for field in fields), []).append(path)
    rows = []
    for key in sorted(groups, key=lambda values: tuple(map(natural_key, values))):
        paths = sorted(groups[key], key=natural_key)
        members = tuple(results[path] for path in paths)
        try:
            rows.append(Row(key, tuple(paths), members, summarise(members)))
        except ValueError as error:
            raise ValueError(f"{', '.join(paths[:4])}: {error}; name in 'rows' what they differ in") from None
    return rows


def render_text_table(
    template: Mapping[str, Any],
    section: str,
    results: Mapping[str, Result],
    summarise: Summarise,
    references: References,
) -> str:
    """The table of one section for a terminal, in columns of equal width.

    Args:
        template: see `render_page`.
        section: the title of a section, or how the title of just one begins.
        results: of one corpus, by path below its folder.
        summarise, references: see `render_page`.

    Raises:
        ValueError: no or several such sections, one without a table, no result for it, or as `render_page`.
    """
    titles = [found["title"] for found in template["sections"] if "table" in found]
    chosen = [title for title in titles if title == section] or [t for t in titles if t.startswith(section)]
    if len(chosen) != 1:
        many = "several sections with a table" if chosen else "no section with a table"
        raise ValueError(f"'{section}': {many} of that title; there are {', '.join(map(repr, titles))}")
    table = next(found["table"] for found in template["sections"] if found["title"] == chosen[0])
    rows, cells = _cells(table, chosen[0], results, summarise, references)
    if not rows:
        raise ValueError(f"section '{chosen[0]}': nothing matches {table['results']}")
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([chosen[0], "", lines[0], "  ".join("-" * width for width in widths), *lines[1:]]) + "\n"


def _table(
    table: Mapping[str, Any], title: str, results: Mapping[str, Result], summarise: Summarise, references: References
) -> list[str]:
    rows, cells = _cells(table, title, results, summarise, references)
    if not rows:
        return []
    lines = [_line(cells[0]), _line(["---"] * len(cells[0])), *map(_line, cells[1:])]
    rates = [column["metric"] for column in table["columns"]
             if "metric" in column and column.get("interval", True) and not column.get("cost")]  # fmt: skip
    return [*lines, "", *_no_width_note(rows, rates), *_provenance(rows, table["rows"])]


def _cells(
    table: Mapping[str, Any], title: str, results: Mapping[str, Result], summarise: Summarise, references: References
) -> tuple[list[Row], list[list[str]]]:
    """The rows of a table, and its texts: the heading, then a list for each row."""
    place = f"the table of section '{title}'"
    _check_keys(table, place, {"results", "rows", "columns"}, {"reference"})
    found = matching(results, table["results"])
    if not found:
        return [], []
    rows = group_rows(found, table["rows"], summarise)
    columns = [_column(column, place, rows) for column in table["columns"]]
    if "reference" in table:
        if table["reference"] not in references:
            raise ValueError(f"{place}: the numbers of {table['reference']} were not given")
        known = references[table["reference"]]
        columns += [_column({"title": head, "known": texts}, place, rows) for head, texts in known.items()]
    columns.append(("Seeds", [str(len(row.results)) for row in rows]))
    return rows, [[head for head, _ in columns], *map(list, zip(*(texts for _, texts in columns), strict=True))]


def _column(column: Mapping[str, Any], place: str, rows: Sequence[Row]) -> tuple[str, list[str]]:
    sources = ("field", "metric", "known")
    _check_keys(column, f"a column of {place}", {"title"}, {*sources, "percent", "digits", "interval", "cost"})
    kinds = [kind for kind in sources if kind in column]
    if len(kinds) != 1:
        raise ValueError(f"column '{column['title']}' of {place}: expected one of field, metric and known, got {kinds}")
    if kinds == ["known"]:
        return column["title"], [str(column["known"].get("|".join(map(str, row.key)), "")) for row in rows]
    if kinds == ["field"]:
        return column["title"], [_field_text(row, column["field"]) for row in rows]
    return _metric_column(column, rows)


def _metric_column(column: Mapping[str, Any], rows: Sequence[Row]) -> tuple[str, list[str]]:
    name = column["metric"]
    for row in rows:
        if name not in row.summary:
            raise ValueError(f"{row.paths[0]}: there is no metric {name}; there are {', '.join(row.summary)}")
    cuts = [
        {"fixed": ""}.get(cut, f"{cut} cut")
        for row in rows
        for cut in [row.results[0]["metrics"][name].get("selection", row.results[0]["selection"])["cut"]]
    ]
    texts = [_metric_text(row.summary[name], column) for row in rows]
    # What was chosen on the scored labels must say so: in the heading, or in each cell where the rows differ.
    if len(set(cuts)) == 1:
        return f"{column['title']}, {cuts[0]}" if cuts[0] else column["title"], texts
    return column["title"], [f"{text}, {cut}" if cut else text for text, cut in zip(texts, cuts, strict=True)]


def _metric_text(summary: Mapping[str, Any], column: Mapping[str, Any]) -> str:
    percent = bool(column.get("percent"))
    scale, digits = (100.0, column.get("digits", 1)) if percent else (1.0, column.get("digits", 3))

    def number(value: float) -> str:
        return f"{scale * value:.{digits}f}"

    text = number(summary["mean"])
    if summary["sd"] is not None:
        text += f" ± {number(summary['sd'])}"
    if percent:
        text += " %"
    if summary["interval"] is not None and column.get("interval", True):
        low, high = summary["interval"]
        text += f" [{number(low)}, {number(high)}]"
    return text


def _field_text(row: Row, field: str) -> str:
    pairs = zip(row.paths, row.results, strict=True)
    values = sorted({field_of(path, result, field) for path, result in pairs}, key=natural_key)
    texts = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
    numeric = all(isinstance(value, int | float) for value in values)
    return f"{texts[0]} to {texts[-1]}" if numeric and len(texts) > 1 else ", ".join(texts)


def _unit(result: Result) -> str:
    """What was drawn anew for the result's intervals."""
    unit = result["extra"].get("resampled")
    return unit if unit in _UNITS else _UNITS[0]


def _units(results: Iterable[Result]) -> str:
    found = {_unit(result) for result in results}
    return " or ".join(unit for unit in _UNITS if unit in found) or _UNITS[0]


def _no_width_note(rows: Sequence[Row], metrics: Sequence[str]) -> list[str]:
    """Where no speaker has an error, or all have nothing else, resampling cannot see how sure that is."""
    counts = set()
    for row in rows:
        intervals = [row.summary[metric]["interval"] for metric in metrics]
        if any(interval is not None and interval[0] == interval[1] for interval in intervals):
            counts |= {(_unit(result), result["counts"].get(_unit(result)) or 0) for result in row.results}
    known = sorted((unit, count) for unit, count in counts if count)
    if not known:
        return []
    bounds = [f"{1 - 0.025 ** (1 / count):.2f} for {count} {unit}" for unit, count in known]
    units = " or ".join(sorted({unit for unit, _ in known}))
    return [
        f"An interval without width means that all {units} scored alike, where the bootstrap is blind: if none of them "
        f"has an error, the exact binomial upper limit of the share of {units} with errors is {', '.join(bounds)}.",
        "",
    ]


def _provenance(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    names = [field.rpartition(".")[2] if not field.startswith("path.") else "part" for field in fields]
    heads = [*names, "seeds", "selection", "labels", "commit", "date", "command of the first seed"]
    lines = ["<details><summary>Where these numbers come from</summary>", "", _line(heads), _line(["---"] * len(heads))]
    for row in rows:
        first = row.results[0]
        seeds = ", ".join(str(result["seed"]) for result in row.results if result["seed"] is not None)
        labels = first["labels"]
        texts = [*map(str, row.key), seeds or "none", first["selection"]["cut"]]
        texts.append(f"{labels['file']} (sha256 {labels['sha256'][:8]})" if labels else "none")
        commits = {re.sub(r"^([0-9a-f]{10})[0-9a-f]*", r"\1", result["commit"]) for result in row.results}
        texts += [", ".join(sorted(commits)), max(result["date"] for result in row.results)[:10]]
        texts.append(f"`{first['command']}`")
        lines.append(_line(texts))
    return [*lines, "", "</details>", ""]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _paragraph(text: str | None) -> list[str]:
    return [text.strip(), ""] if text and text.strip() else []


def _check_keys(mapping: Any, place: str, needed: set[str], allowed: set[str]) -> None:
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{place}: expected keys and values, got {mapping!r}")
    missing, unknown = sorted(needed - set(mapping)), sorted(set(mapping) - needed - allowed)
    if missing or unknown:
        known = ", ".join(sorted(needed | allowed))
        problem = f"{', '.join(missing)} is missing" if missing else f"unknown key {', '.join(unknown)}"
        raise ValueError(f"{place}: {problem}; the keys are {known}")
