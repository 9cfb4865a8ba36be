"""Single utterances in Kaldi's folders train and test (speechocean762) -> training speakers, and those to hold out.

local/make_conversations.sh makes the conversations of dev and eval of the held-out speakers' and the test utterances.
"""

from pathlib import Path

from local.corpus_tables import CorpusTables, utterance_files
from local.dev_speakers import choose_speakers
from speechlib.io.atomic import write_text
from speechlib.io.audio import audio_info
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.leaks import check_disjoint

_PROGRAM = "prepare_utterances"
_PARTS = ("train", "test")
_LABELS = ("text", "spk2gender", "spk2age")
_LEAST_OTHERS = 2  # training speakers: fewer have no eigenvoice


def _rate(files: dict[str, Path]) -> int:
    """Of the first recording that can be read."""
    for path in files.values():
        try:
            return audio_info(path).rate
        except ValueError:
            continue  # noted with all others below
    return 16000


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="prepare_utterances.py", description=__doc__)
    parser.add_argument("--dev-share", type=float, default=0.25, help="of the training speakers, held out for dev")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of dev speakers")
    parser.add_argument("--max-bad", type=int, default=0, help="so many unusable audio files are left out")
    parser.add_argument("corpus", type=Path, help="the folder with train and test")
    parser.add_argument("out", type=Path, help="train/, dev_utterances/ and eval_utterances/ are written there")
    args = parser.parse_args(argv)
    if not 0 < args.dev_share < 1:
        parser.error(f"--dev-share {args.dev_share}: expected a share between 0 and 1")

    parts = {name: DataDir(args.corpus / name) for name in _PARTS}
    check_disjoint("speakers", parts["train"].utt2spk.values(), parts["test"].utt2spk.values())
    check_disjoint("utterances", parts["train"].utt2spk, parts["test"].utt2spk)
    files = {name: utterance_files(args.corpus, part) for name, part in parts.items()}
    tables = CorpusTables(_rate(files["train"]))
    for name, part in parts.items():
        for utterance, path in files[name].items():
            tables.add(utterance, part.utt2spk[utterance], path)
    tables.check_bad(_PROGRAM, args.max_bad, args.out / "log" / "bad.1.tsv")

    write_text(args.out / "sample_rate", f"{tables.rate}\n")
    train = parts["train"]
    number = max(_LEAST_OTHERS, round(args.dev_share * len(train.spk2utt)))
    dev = set(choose_speakers(train.spk2utt, number, args.seed, train.spk2gender))
    sets = {
        "train": ("train", set(train.spk2utt) - dev),
        "dev_utterances": ("train", dev),
        "eval_utterances": ("test", set(parts["test"].spk2utt)),
    }
    for folder, (name, speakers) in sets.items():
        labels = {label: parts[name].map(label) or {} for label in _LABELS}
        print(f"{_PROGRAM}: {folder}: {tables.write(args.out / folder, speakers, labels)}")
    return 0


if __name__ == "__main__":
    run(main)
