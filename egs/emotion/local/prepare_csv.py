"""A CSV file with the columns file, speaker, gender and labels (Nkululeko's form) -> a data directory.

Also read are text, start and end (seconds, or pandas' `0 days 00:00:01.5`); every other column becomes utt2<column>.
Commas, semicolons or tabs separate. Files are relative to the CSV's folder, or to --audio-dir. A folder stands for the
one table in it.
"""

from pathlib import Path

from emotion_corpus import corpus_parser, write_corpus
from find_corpus_type import TABLES
from label_rows import LabelRow, check_columns, entries_of, label_names

from speechlib.io.cli import run
from speechlib.io.label_csv import STANDARD, read_label_csv, seconds_of

_PROGRAM = "prepare_csv"
_NEEDED = ("file", "speaker")


def main(argv: list[str] | None = None) -> int:
    parser = corpus_parser(_PROGRAM + ".py", __doc__)
    parser.add_argument("--audio-dir", type=Path, help="what files are relative to (default: the CSV file's folder)")
    parser.add_argument("--labels", help="the columns of labels, with commas between (default: all others)")
    args = parser.parse_args(argv)
    path = table_of(args.corpus)
    heading = f"{path}:1"
    table = read_label_csv(path)
    labels = [name.strip() for name in args.labels.split(",")] if args.labels else None
    optional = [name for name in STANDARD if name not in _NEEDED]
    check_columns(heading, list(table.columns), (*_NEEDED, *(labels or ())), optional if labels is None else ())
    if labels is None:
        labels = [name for name in table.columns if name not in STANDARD]
    names = label_names(_PROGRAM, heading, labels)
    rows = []
    for index, line in enumerate(table.lines):
        place = f"{path}:{line}"
        cells = {name: column[index] or "" for name, column in table.columns.items()}
        start, end = cells.get("start"), cells.get("end")
        rows.append(
            LabelRow(
                place,
                (args.audio_dir or path.parent) / cells["file"],
                seconds_of(start, f"{place}: start") if start else 0.0,
                seconds_of(end, f"{place}: end") if end else -1.0,
                cells["speaker"],
                cells.get("gender", ""),
                cells.get("text", ""),
                {label: cells[column] for column, label in names.items()},
            )
        )
    write_corpus(_PROGRAM, entries_of(rows), args.out, args.max_bad, args.drop_duplicates)
    return 0


def table_of(corpus: Path) -> Path:
    """The CSV file itself, or the only one in a folder.

    Raises:
        ValueError: the folder has none, or several.
    """
    if not corpus.is_dir():
        return corpus
    tables = sorted(path for path in corpus.iterdir() if path.suffix.lower() in TABLES)
    if len(tables) != 1:
        names = ", ".join(path.name for path in tables) or "none"
        raise ValueError(f"{corpus}: expected one CSV file in the folder, found {names}: name the file itself")
    return tables[0]


if __name__ == "__main__":
    run(main)
