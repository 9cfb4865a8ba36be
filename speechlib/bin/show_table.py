"""Print one table of a results page as aligned text, from a template and the result.json files of one corpus."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import merge_seeds, read_results
from speechlib.io.results_template import read_template
from speechlib.report.results_page import render_text_table


def main(argv: Sequence[str] | None = None) -> None:
    """Read template and results, print the table."""
    parser = KaldiArgumentParser(
        prog="show_table",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.show_table conf/results.yaml results/demo --section 'Table 1'",
    )
    parser.add_argument("--section", required=True, metavar="TITLE", help="of the table, or how the title begins")
    parser.add_argument("template", help="YAML: title, corpora, sections with tables and figures")
    parser.add_argument("results", help="folder of one corpus, which holds result.json files or their collection")
    options = parser.parse_args(argv)

    template, references = read_template(options.template)
    try:
        text = render_text_table(template, options.section, read_results(options.results), merge_seeds, references)
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"{options.template}: a list or a text stands where it does not belong ({error})") from error
    sys.stdout.write(text)


if __name__ == "__main__":
    run(main)
