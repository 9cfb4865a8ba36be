"""Write the results of a run as one HTML page with its pictures inside, by the template of the recipe's RESULTS.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import merge_seeds, read_results
from speechlib.io.results_template import read_template
from speechlib.report.html_page import render_html
from speechlib.report.results_page import render_page


def main(argv: Sequence[str] | None = None) -> None:
    """Read a template, results and pictures, write the page."""
    parser = KaldiArgumentParser(
        prog="make_report",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.make_report conf/results.yaml results demo exp/demo/report.html",
    )
    parser.add_argument("template", help="YAML: title, corpora, sections with tables and figures")
    parser.add_argument("results", help="folder with a folder per run, which hold result.json files and pictures")
    parser.add_argument("name", help="of the run: one of these folders")
    parser.add_argument("page", help="HTML file to write")
    options = parser.parse_args(argv)

    template, references = read_template(options.template)
    folder = Path(options.results)
    if not (folder / options.name).is_dir():
        raise FileNotFoundError(f"{folder / options.name}: no such folder: run the recipe first")
    files = [path.relative_to(folder).as_posix() for path in (folder / options.name).rglob("*") if path.is_file()]
    results = {f"{options.name}/{path}": result for path, result in read_results(folder / options.name).items()}
    try:
        page, warnings = render_page(template, results, files, merge_seeds, "results", references, options.name)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{options.template}: a list or a text stands where it does not belong ({error})") from error
    for warning in warnings:
        sys.stderr.write(f"make_report: warning: {warning}\n")
    pictures = {f"results/{name}": (folder / name).read_bytes() for name in files if name.endswith((".png", ".svg"))}
    os.makedirs(os.path.dirname(options.page) or ".", exist_ok=True)
    write_text(options.page, render_html(page, f"{template['title']} ({options.name})", pictures))
    print(f"make_report: {options.page}")


if __name__ == "__main__":
    run(main)
