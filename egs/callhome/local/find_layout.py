"""Which layout a corpus has, by looking: utterances, disk8, callhome or recordings."""

from pathlib import Path

from callhome_corpus import TRANSCRIPTS, is_transcript

from speechlib.io.cli import KaldiArgumentParser, run


def find_layout(corpus: Path) -> str:
    """Name of the layout.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it has none of them.
    """
    if not corpus.is_dir():
        raise FileNotFoundError(f"{corpus}: no such folder")
    if all((corpus / part / name).is_file() for part in ("train", "test") for name in ("wav.scp", "utt2spk")):
        return "utterances"
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file() and not path.name.startswith("._")]
    if any(path.name == "fullref.rttm" for path in files):
        return "disk8"
    if any(path.suffix in (".rttm", ".segments") for path in files):
        return "recordings"
    if any(path.suffix.lower() in TRANSCRIPTS and is_transcript(path) for path in files):
        return "callhome"
    raise ValueError(
        f"{corpus}: none of: train/ and test/ with wav.scp and utt2spk (utterances), transcripts with lines "
        "`<start> <end> A: <text>` (callhome), fullref.rttm (disk8), .rttm or .segments (recordings): see README.md"
    )


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="find_layout.py", description=__doc__)
    parser.add_argument("corpus", type=Path)
    print(find_layout(parser.parse_args(argv).corpus))
    return 0


if __name__ == "__main__":
    run(main)
