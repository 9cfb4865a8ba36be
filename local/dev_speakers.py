"""Choose speakers of a data directory to hold out, with a seed: as many women as men where the genders are known."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir

_LEAST = 2  # speakers on either side: fewer give no non-target trial


def choose_speakers(
    spk2utt: Mapping[str, Sequence[str]], number: int, seed: int, spk2gender: Mapping[str, str] | None = None
) -> list[str]:
    """Choose speakers to hold out.

    Args:
        spk2utt: utterances by speaker; speakers with a single one come last, since they give no target trial.
        number: how many are held out.
        seed: of the choice; the same speakers for the same seed.
        spk2gender: the genders take turns; a gender that runs out is filled up with the other.

    Returns:
        Sorted speakers.

    Raises:
        ValueError: fewer than two speakers would be held out or remain, or no chosen one has two utterances.
    """
    if number < _LEAST or len(spk2utt) - number < _LEAST:
        raise ValueError(
            f"{number} of {len(spk2utt)} speakers cannot be held out: "
            f"at least {_LEAST} are, and at least {_LEAST} remain"
        )
    genders = spk2gender or {}
    speakers = sorted(spk2utt)
    rng = np.random.default_rng(seed)
    queues: dict[str, list[str]] = {}
    for index in rng.permutation(len(speakers)):
        queues.setdefault(genders.get(speakers[index], ""), []).append(speakers[index])
    # the place in the queue of one's own gender first: the genders take turns
    places = {speaker: (place, gender) for gender, queue in queues.items() for place, speaker in enumerate(queue)}
    order = sorted(speakers, key=lambda speaker: (len(spk2utt[speaker]) < 2, places[speaker]))
    if len(spk2utt[order[0]]) < 2:
        raise ValueError("every speaker has a single utterance: there is no target trial among them")
    return sorted(order[:number])


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="dev_speakers.py", description=__doc__)
    parser.add_argument("--share", type=float, default=0.2, help="of the speakers that is held out")
    parser.add_argument("--number", type=int, default=0, help="of speakers that are held out; 0: by the share")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("held_out", type=Path, help="list of the speakers that are held out")
    parser.add_argument("others", type=Path, help="list of the other speakers")
    args = parser.parse_args(argv)
    if not 0 < args.share < 1:
        parser.error(f"--share {args.share}: expected a share between 0 and 1")
    data = DataDir(args.data_dir)
    number = args.number or max(_LEAST, round(args.share * len(data.spk2utt)))
    try:
        chosen = choose_speakers(data.spk2utt, number, args.seed, data.spk2gender)
    except ValueError as error:
        raise ValueError(f"{args.data_dir}: {error}") from None
    others = [speaker for speaker in data.speakers() if speaker not in set(chosen)]
    write_text(args.held_out, "".join(f"{speaker}\n" for speaker in chosen))
    write_text(args.others, "".join(f"{speaker}\n" for speaker in others))
    return 0


if __name__ == "__main__":
    run(main)
