"""Conversations of real utterances: recordings of one speaker each, concatenated at random with pauses in between."""

from pathlib import Path

import numpy as np

from local.conversation_dirs import Recording, Utterance, write_conversation_dir, write_raw_dir
from local.conversations import draw_conversations, speech_bounds
from speechlib.io.audio import UtteranceAudio, write_wav
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.datadir import DataDir
from speechlib.io.maps import split_blanks

_PROGRAM = "make_conversations"


def number_range(text: str, number: type) -> tuple:
    """`LO:HI`, or one number for both, as (lo, hi).

    Raises:
        ValueError: not such a text, or lo > hi.
    """
    low, _, high = text.partition(":")
    try:
        pair = number(low), number(high or low)
    except ValueError:
        pair = (1, 0)
    if pair[0] > pair[1]:
        raise ValueError(f"{text!r}: expected a range LO:HI with LO <= HI")
    return pair


class _Mixer:
    """Lays utterances behind one another on a timeline of whole hundredths of a second.

    Args:
        data_dir: of the utterances; all must have one sampling rate and one channel.
        pauses: least and most seconds between two recordings; less than 0 is overlap.
        trim: the silence around speech is no part of the utterance.
        max_turn: seconds; of longer utterances a random piece is taken; 0 for whole utterances.
    """

    def __init__(self, data_dir: Path, pauses: tuple[float, float], trim: bool, max_turn: float):
        self._data_dir, self._pauses, self._trim, self._max_turn = data_dir, pauses, trim, max_turn
        self.rate: int | None = None

    def mix(self, utterances: list[str], rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[float, float]]]:
        """(samples,) in int16 range, and the seconds that each utterance lasts from and to."""
        audio = UtteranceAudio(self._data_dir, utterances)
        pieces, times, position, length = [], [], 0, 0
        for utterance, samples, rate in audio:
            if rate != (self.rate or rate):
                raise ValueError(f"{self._data_dir}: {utterance} has {rate} samples a second, others {self.rate}")
            self.rate = rate
            unit = rate // 100
            begin, end, quiet = speech_bounds(samples, rate)
            if not self._trim:
                begin, end = 0, len(samples) // unit * unit
            units = round(self._max_turn * 100)
            if units and end - begin > units * unit:
                first = begin + int(rng.integers((end - begin) // unit - units + 1)) * unit
                samples, begin, end = samples[first : first + units * unit], 0, units * unit
            position = max(position, 0)
            pieces.append((position, samples, quiet))
            times.append(((position + begin) / rate, (position + end) / rate))
            length = max(length, position + len(samples))
            pause = round(rng.uniform(*self._pauses) * 100) * unit
            position = -(-(position + len(samples)) // unit) * unit + pause
        if audio.bad or audio.skipped:
            raise ValueError(f"{self._data_dir}: {(audio.bad + audio.skipped)[0][2]}")
        # no digital silence between recordings: noise as loud as the quietest parts of the quietest of them
        mixed = rng.normal(size=length) * min(quiet for _, _, quiet in pieces)
        covered = np.zeros(length, bool)
        for start, samples, _ in pieces:
            part = slice(start, start + len(samples))
            mixed[part] = np.where(covered[part], mixed[part], 0) + samples
            covered[part] = True
        return mixed, times


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="make_conversations.py", description=__doc__)
    parser.add_argument("--num-conversations", type=int, default=60)
    parser.add_argument("--speakers", default="2:7", help="of a conversation; half of them have the least")
    parser.add_argument("--turns", default="3:6", help="utterances of a speaker in a conversation, at least 2")
    parser.add_argument("--pause", default="0.2:1", help="seconds between utterances, less than 0 is overlap")
    parser.add_argument("--trim", type=kaldi_bool, default=True, help="cut utterances to where speech begins and ends")
    parser.add_argument("--max-turn", type=float, default=0.0, help="seconds: longer utterances are cut; 0: none is")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prefix", help="of the conversations' names (default: the folder's name)")
    parser.add_argument("data_dir", type=Path, help="utterances of one speaker each")
    parser.add_argument("out", type=Path, help="data directory of the conversations; <out>_raw: without the utterances")
    args = parser.parse_args(argv)
    if args.num_conversations < 1 or args.seed < 0:
        parser.error("--num-conversations is at least 1 and --seed at least 0")
    try:
        speakers, turns = number_range(args.speakers, int), number_range(args.turns, int)
        pauses = number_range(args.pause, float)
    except ValueError as error:
        parser.error(str(error))
    if speakers[0] < 1 or turns[0] < 2:
        parser.error(f"--speakers {args.speakers} --turns {args.turns}: at least 1 speaker, and 2 turns of each")

    if args.max_turn and not args.max_turn >= 0.2:
        parser.error(f"--max-turn {args.max_turn}: at least 0.2 seconds, or 0 for whole utterances")

    prefix = args.prefix or args.out.absolute().name
    if split_blanks(prefix) != [prefix]:
        parser.error(f"--prefix {prefix!r}: expected one word: conversations are called by it, or else by the folder")

    out, wav = args.out.absolute(), args.out.absolute() / "wav"
    rng = np.random.default_rng(args.seed)
    try:
        plans = draw_conversations(DataDir(args.data_dir).spk2utt, args.num_conversations, speakers, turns, rng)
    except ValueError as error:
        raise ValueError(f"{args.data_dir}: {error}") from None
    wav.mkdir(parents=True, exist_ok=True)
    mixer = _Mixer(args.data_dir, pauses, args.trim, args.max_turn)
    recordings: dict[str, Recording] = {}
    utterances: list[Utterance] = []
    digits = max(3, len(str(len(plans))))
    for index, plan in enumerate(plans, 1):
        name = f"{prefix}{index:0{digits}d}"
        mixed, times = mixer.mix([utterance for _, utterance in plan], np.random.default_rng([args.seed, index]))
        path = wav / f"{name}.wav"
        write_wav(path, mixed, mixer.rate)
        recordings[name] = Recording(str(path), len(mixed) / mixer.rate, str(path))
        for (speaker, _), (start, end) in zip(plan, times, strict=True):
            utterances.append(Utterance(name, speaker, start, end))
    for stale in set(wav.glob("*.wav")) - {Path(recording.entry) for recording in recordings.values()}:
        stale.unlink()
    size = write_conversation_dir(_PROGRAM, out, recordings, utterances)
    print(f"{_PROGRAM}: {out}: {size}")
    write_raw_dir(out.with_name(f"{out.name}_raw"), recordings, utterances)
    return 0


if __name__ == "__main__":
    run(main)
