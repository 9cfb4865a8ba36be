"""A database in audformat (db.yaml and one CSV a table) -> a data directory.

The utterances are the rows of one table. Speakers and what else is known of the files come from the filewise tables
that name speakers, the speakers' genders from the header. Columns and attributes become utt2<name>, a split utt2split.
"""

from emotion_corpus import corpus_parser, write_corpus
from label_rows import LabelRow, entries_of, label_names

from speechlib.io.audformat_tables import Database, read_database
from speechlib.io.cli import run

_PROGRAM = "prepare_audformat"
_TEXTS = ("transcription", "text")
_NO_LABELS = ("speaker", "gender")


def choose_table(database: Database) -> str:
    """The only table with a column `emotion`, of several the one of that name.

    Raises:
        ValueError: there is none, or several of other names.
    """
    candidates = [table.name for table in database.tables.values() if "emotion" in table.columns]
    if len(candidates) == 1 or "emotion" in candidates:
        return "emotion" if "emotion" in candidates else candidates[0]
    found = f"{len(candidates)} tables have" if candidates else "no table has"
    raise ValueError(
        f"{database.folder}: {found} a column 'emotion': choose with --table one of "
        f"{', '.join(candidates or database.tables)}"
    )


def main(argv: list[str] | None = None) -> int:
    parser = corpus_parser(_PROGRAM + ".py", __doc__)
    parser.add_argument("--table", help="whose rows are the utterances (default: the one with emotions)")
    args = parser.parse_args(argv)
    database = read_database(args.corpus)
    table = args.table or choose_table(database)
    rows = database.joined_rows(table)
    columns = sorted({column for row in rows for column in row.values} - set(_NO_LABELS))
    names = label_names(_PROGRAM, f"{args.corpus}: table '{table}'", columns)
    split = database.tables[table].split
    labelled = []
    for row in rows:
        values = {label: row.values.get(column, "") for column, label in names.items()}
        words = next((row.texts.get(name) or row.values.get(name, "") for name in _TEXTS if name in row.values), "")
        speaker, gender = row.values.get("speaker", ""), row.values.get("gender", "")
        labels = {"split": split, **values}
        labelled.append(LabelRow(row.place, args.corpus / row.file, row.start, row.end, speaker, gender, words, labels))
    write_corpus(_PROGRAM, entries_of(labelled), args.out, args.max_bad, args.drop_duplicates)
    return 0


if __name__ == "__main__":
    run(main)
