"""speechocean762 (Zhang et al., Interspeech 2021; OpenSLR 101) -> data directories train and test, with trials."""

import sys
from pathlib import Path, PurePosixPath

from local.corpus_tables import CorpusTables, utterance_files
from local.trial_lists import describe, draw_trials, utterance_trials, write_trials
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.datadir import DataDir
from speechlib.io.leaks import check_disjoint

_PARTS = ("train", "test")
_WHOLE = (125, 2500)  # speakers and utterances of each part of the whole corpus
_LABELS = ("text", "spk2gender", "spk2age")
_LIST = "trials_test.txt"


def _collect(corpus: Path, part: DataDir, tables: CorpusTables) -> dict[str, str]:
    """Add a part's utterances; returns the utterance by the path that wav.scp gives, without suffix."""
    for utterance, path in utterance_files(corpus, part).items():
        tables.add(utterance, part.utt2spk[utterance], path)
    return {_stem(value): utterance for utterance, value in part.wav_scp.items() if utterance in tables.utt2spk}


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _write_trials(corpus: Path, test: DataDir, by_path: dict[str, str], args) -> str:
    """The corpus' own list if there is one, otherwise drawn trials; returns a line about them."""
    path = args.out / "test" / "trials"
    listed = corpus / _LIST
    if listed.is_file():
        # a list may name the utterances themselves, too
        trials, warning = utterance_trials(
            listed,
            lambda name: by_path.get(_stem(name)) or (name if name in test.utt2spk else None),
            test.utt2spk,
            args.allow_missing,
        )
        if warning:
            print(f"prepare_speechocean762: warning: {warning}", file=sys.stderr)
        source = str(listed)
    else:
        trials = draw_trials(test.utt2spk, args.num_target, args.num_target, args.seed, test.spk2gender)
        source = f"drawn with seed {args.seed}, since the corpus has no {_LIST}"
    write_trials(path, trials)
    return f"{describe(trials)}: {source}"


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="prepare_speechocean762.py", description=__doc__)
    parser.add_argument("--max-bad", type=int, default=0, help="so many unusable audio files are left out")
    parser.add_argument("--allow-missing", type=kaldi_bool, default=False, help="drop trials without audio")
    parser.add_argument("--num-target", type=int, default=2500, help="drawn trials of each kind, without a list")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn trials")
    parser.add_argument("corpus", type=Path, help="the folder with train, test and WAVE")
    parser.add_argument("out", type=Path, help="train/ and test/ are written there")
    args = parser.parse_args(argv)

    corpus = args.corpus
    absent = [part for part in _PARTS if not (corpus / part).is_dir()]
    if absent:
        raise FileNotFoundError(
            f"{corpus}: no folder {' and no folder '.join(absent)} there: "
            "name the folder that holds train, test and WAVE"
        )
    parts = {name: DataDir(corpus / name) for name in _PARTS}
    check_disjoint("speakers", parts["train"].utt2spk.values(), parts["test"].utt2spk.values())
    check_disjoint("utterances", parts["train"].utt2spk, parts["test"].utt2spk)
    tables = CorpusTables()
    by_path = {name: _collect(corpus, part, tables) for name, part in parts.items()}
    tables.check_bad("prepare_speechocean762", args.max_bad, args.out / "log" / "bad.1.tsv")
    for name, part in parts.items():
        labels = {label: part.map(label) or {} for label in _LABELS}
        size = tables.write(args.out / name, set(part.utt2spk.values()), labels)
        found = (len(part.spk2utt), len(part.utt2spk))
        note = "" if found == _WHOLE else f" (not the whole corpus, which has {_WHOLE[0]} and {_WHOLE[1]})"
        print(f"prepare_speechocean762: {name}: {size}{note}")
    print("prepare_speechocean762: " + _write_trials(corpus, DataDir(args.out / "test"), by_path["test"], args))
    return 0


if __name__ == "__main__":
    run(main)
