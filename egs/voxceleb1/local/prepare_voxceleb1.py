"""VoxCeleb1 (Nagrani et al., Interspeech 2017) in either release's layout -> data directories and trials."""

import sys
from collections import defaultdict
from pathlib import Path

from voxceleb_corpus import CLEANED, IDENTIFICATION, META, TRIALS, Corpus, find_corpus

from local.corpus_tables import CorpusTables
from local.dev_speakers import choose_speakers
from local.trial_lists import Trial, describe, draw_trials, some, utterance_trials, write_trials
from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.leaks import check_disjoint
from speechlib.io.trials import read_trials

_PROGRAM = "prepare_voxceleb1"
_IDEN_PARTS = {"1": "train", "2": "val", "3": "test"}
_TEST_SHARE = 0.2  # of the speakers, where neither a list nor the speaker table nor the folders say who is test


class _Prepared:
    """The corpus' utterances by key, and their speakers' identities by utterance."""

    def __init__(self, corpus: Corpus, args):
        self.corpus, self.args = corpus, args
        self.tables = CorpusTables()
        self.utterance: dict[tuple, str] = {}
        self.identity: dict[str, str] = {}
        self.session: dict[str, str] = {}
        for key in sorted(corpus.recordings):
            recording = corpus.recordings[key]
            label = corpus.label(key[0])
            name = f"{label}-{recording.video}-{recording.segment}"  # Kaldi's make_voxceleb1.pl
            self.tables.add(name, label, recording.path)
            if name in self.tables.utt2spk:
                self.utterance[key], self.identity[name] = name, key[0]
                self.session[name] = f"{label}-{recording.video}"

    def find(self, name: str) -> str | None:
        """The utterance that a name of a list means."""
        key = self.corpus.meta.key(name)
        return None if key is None else self.utterance.get(key)

    def official(self, path: Path) -> list[Trial]:
        """The trials of an official list whose audio is there."""
        trials, warning = utterance_trials(path, self.find, self.identity, self.args.allow_missing)
        if warning:
            _say(f"warning: {warning}")
        return trials

    def test_speakers(self, path: Path) -> set[str]:
        """The speakers that a list of trials names, whether their audio is there or not."""
        listed = read_trials(path)
        speakers = set()
        for name in {*listed.enrol_names, *listed.test_names}:
            key = self.corpus.meta.key(name)
            if key is None:
                raise ValueError(f"{path}: {name!r} is no path of VoxCeleb1, such as id10270/x6uYqmx31kE/00001.wav")
            speakers.add(key[0])
        return speakers

    def chosen_test_speakers(self) -> set[str]:
        """Test speakers without a list: by the speaker table, by the folders dev and test, or drawn with the seed."""
        present = set(self.identity.values())
        table = {speaker for speaker in present if self.corpus.meta.sets.get(speaker) == "test"}
        folders = {key[0] for key, found in self.corpus.recordings.items() if "test" in found.path.parts[-5:-2]}
        for speakers, source in ((table, META), (folders & present, "the folders named test")):
            if speakers and speakers < present:
                _say(f"test speakers are {len(speakers)} of {len(present)}, by {source}")
                return speakers
        spk2utt = defaultdict(list)
        for utterance, identity in self.identity.items():
            spk2utt[identity].append(utterance)
        number = max(2, round(_TEST_SHARE * len(present)))
        _say(f"test speakers are {number} of {len(present)}, drawn with seed {self.args.seed}")
        return set(choose_speakers(spk2utt, number, self.args.seed, self.corpus.meta.genders))


def _say(message: str) -> None:
    print(f"{_PROGRAM}: {message}", file=sys.stderr)


def _official_lists(corpus: Corpus, args) -> dict[str, Path]:
    """The lists of trials to use, by the name of the file that is written."""
    if args.trials == "none":
        return {}
    if args.trials:
        return {"trials": Path(args.trials)}
    found = {"trials": corpus.list_file(TRIALS), "trials_cleaned": corpus.list_file(CLEANED)}
    lists = {name: path for name, path in found.items() if path is not None}
    if "trials" not in lists and "trials_cleaned" in lists:
        _say(f"there is no {TRIALS[0]}: the trials are those of the cleaned list")
        lists["trials"] = lists["trials_cleaned"]
    if not lists and not args.make_trials:
        raise ValueError(
            f"{args.corpus}: there is no list of trials ({', '.join(TRIALS + CLEANED)}): put it there, name its folder "
            "with --lists, give --make-trials true to draw some, or --trials none if everything is to be trained on"
        )
    return lists


def _write_identification(prepared: _Prepared, path: Path, folder: Path) -> str:
    """Lists of utterances of the identification split; returns their sizes in words."""
    parts: dict[str, list[str]] = {part: [] for part in _IDEN_PARTS.values()}
    seen: dict[str, int] = {}
    missing = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if len(fields) != 2 or fields[0] not in _IDEN_PARTS:
            raise ValueError(f"{path}:{number}: {line!r}: expected '1|2|3 <path>' (training, validation, test)")
        utterance = prepared.find(fields[1])
        if utterance is None:
            missing.append(fields[1])
        elif seen.setdefault(utterance, number) != number:
            raise ValueError(f"{path}:{number}: {fields[1]} was there already in line {seen[utterance]}; keep one")
        else:
            parts[_IDEN_PARTS[fields[0]]].append(utterance)
    if missing:
        found = f"{len(missing)} of {len(missing) + len(seen)} utterances of {path} are not there: {some(missing)}"
        if not prepared.args.allow_missing:
            raise ValueError(f"{found}; complete the corpus, or give --allow-missing true to go on without them")
        _say(f"warning: {found}; left out")
    for part, utterances in parts.items():
        write_text(folder / f"iden_{part}", "".join(f"{utterance}\n" for utterance in sorted(utterances)))
    return ", ".join(f"{part} {len(utterances)}" for part, utterances in parts.items())


def _warn_of_shared_videos(corpus: Corpus, test: set[str]) -> None:
    """Two celebrities may be in one video: then training and test share its channel, which the protocol allows."""
    videos: dict[bool, set[str]] = {True: set(), False: set()}
    for identity, video, _ in corpus.recordings:
        videos[identity in test].add(video)
    shared = sorted(videos[True] & videos[False])
    if shared:
        _say(f"warning: {len(shared)} videos have training and test speakers, as the lists have it: {some(shared)}")


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="prepare_voxceleb1.py", description=__doc__)
    parser.add_argument("--lists", type=Path, help="folder with the official lists and the speaker table")
    parser.add_argument("--trials", default="", help="list of trials to use, or none: everything is for training")
    parser.add_argument("--make-trials", type=kaldi_bool, default=False, help="draw trials where there is no list")
    parser.add_argument("--num-target", type=int, default=10000, help="drawn trials of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn")
    parser.add_argument("--allow-missing", type=kaldi_bool, default=False, help="drop listed items without audio")
    parser.add_argument("--max-bad", type=int, default=0, help="so many unusable audio files are left out")
    parser.add_argument("corpus", type=Path, help="VoxCeleb1's folder, or any folder above it")
    parser.add_argument("out", type=Path, help="train/, test/ and lists/ are written there")
    args = parser.parse_args(argv)

    corpus = find_corpus(args.corpus, args.lists)
    for note in corpus.notes:
        _say(note)
    lists = _official_lists(corpus, args)
    prepared = _Prepared(corpus, args)
    tables, meta = prepared.tables, corpus.meta
    tables.check_bad(_PROGRAM, args.max_bad, args.out / "log" / "bad.1.tsv")

    if lists:
        test = set().union(*map(prepared.test_speakers, lists.values()))
    else:
        test = set() if args.trials == "none" else prepared.chosen_test_speakers()
    present = set(prepared.identity.values())
    labels = {
        True: {corpus.label(identity) for identity in present & test},
        False: {corpus.label(identity) for identity in present - test},
    }
    check_disjoint("speakers", labels[False], labels[True])
    if not labels[False]:
        raise ValueError(f"{args.corpus}: all {len(present)} speakers are in the trials: nobody is left to train on")
    if test and not labels[True]:
        raise ValueError(f"{args.corpus}: none of the {len(test)} test speakers is there: {some(sorted(test))}")
    trials = {name: prepared.official(path) for name, path in lists.items()}
    _warn_of_shared_videos(corpus, test)

    genders = {corpus.label(identity): meta.genders[identity] for identity in present if identity in meta.genders}
    extra = {"spk2gender": genders, "utt2session": prepared.session}
    if len(genders) < len(present):
        _say(f"the gender of {len(present) - len(genders)} of {len(present)} speakers is not known ({META})")
    for name, speakers in (("train", labels[False]), ("test", labels[True])):
        if speakers:
            print(f"{_PROGRAM}: {name}: {tables.write(args.out / name, speakers, extra)}")
    if test and not lists:
        of_test = {utterance: label for utterance, label in tables.utt2spk.items() if label in labels[True]}
        drawn = draw_trials(of_test, args.num_target, args.num_target, args.seed, genders, utt2session=prepared.session)
        trials = {"trials": drawn}
    for name, entries in trials.items():
        write_trials(args.out / "test" / name, entries)
        source = lists[name] if name in lists else f"drawn with seed {args.seed}"
        print(f"{_PROGRAM}: test/{name}: {describe(entries)}: {source}")

    split = corpus.list_file(IDENTIFICATION)
    if split is not None:
        (args.out / "lists").mkdir(exist_ok=True)
        sizes = _write_identification(prepared, split, args.out / "lists")
        print(f"{_PROGRAM}: identification: {sizes}: {split}")
    return 0


if __name__ == "__main__":
    run(main)
