"""Write a page of results in Markdown from a template and the result.json files below a folder, never by hand."""

import os
import sys
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import merge_seeds, read_results
from speechlib.io.results_template import read_template
from speechlib.report.results_page import render_page


def main(argv: list[str] | None = None) -> None:
    """Read a YAML template (see speechlib.report.results_page.render_page) and results, write the page."""
    parser = KaldiArgumentParser(
        prog="make_results",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md",
    )
    parser.add_argument("template", help="YAML: title, corpora, sections with tables and figures")
    parser.add_argument("results", help="folder with a folder per corpus, which hold result.json files and pictures")
    parser.add_argument("page", help="Markdown file to write")
    options = parser.parse_args(argv)

    template, references = read_template(options.template)
    folder = Path(options.results)
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    seen_from_page = os.path.relpath(folder, Path(options.page).parent)
    try:
        page, warnings = render_page(template, read_results(folder), files, merge_seeds, seen_from_page, references)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{options.template}: a list or a text stands where it does not belong ({error})") from error
    for warning in warnings:
        sys.stderr.write(f"make_results: warning: {warning}\n")
    write_text(options.page, page)


if __name__ == "__main__":
    run(main)
