"""Which emotion corpus a folder or file is, by looking: its type for prepare_corpus.sh."""

from collections import Counter
from pathlib import Path

from corpus_names import NAMES, audio_files

from speechlib.io.cli import KaldiArgumentParser, run

TABLES = (".csv", ".tsv")  # ends of the names of tables


def find_corpus_type(corpus: Path) -> str:
    """Name of the type: csv, audformat, iemocap, or one of NAMES that most audio files' names are of.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is none of them.
    """
    if corpus.is_file():
        if corpus.suffix.lower() in TABLES:
            return "csv"
        raise ValueError(f"{corpus}: a file is expected to be a table, .csv or .tsv")
    if (corpus / "db.yaml").is_file():
        return "audformat"
    if any(corpus.glob("Session[1-5]/dialog/EmoEvaluation")):
        return "iemocap"
    files = audio_files(corpus)
    counts = Counter(kind for path in files for kind, name in NAMES.items() if name.fullmatch(path.stem))
    for kind, count in counts.most_common(1):
        if 2 * count > len(files):
            return kind
    found = ", ".join(f"{count} of {len(files)} audio files have names as {kind}" for kind, count in counts.items())
    raise ValueError(
        f"{corpus}: not recognised ({found or f'{len(files)} audio files with other names'}): name a CSV file with the "
        f"columns file,speaker,gender,emotion, or say --corpus-type {'|'.join([*NAMES, 'iemocap', 'audformat'])}"
    )


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="find_corpus_type.py", description=__doc__)
    parser.add_argument("corpus", type=Path)
    print(find_corpus_type(parser.parse_args(argv).corpus))
    return 0


if __name__ == "__main__":
    run(main)
