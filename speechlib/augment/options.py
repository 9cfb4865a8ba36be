"""What copies are made and how: the lists and intervals of Kaldi's egs/voxceleb/v2/run.sh."""

from __future__ import annotations

from dataclasses import dataclass

NOISE, MUSIC, BABBLE, REVERB = "noise", "music", "babble", "reverb"
KINDS = (REVERB, NOISE, MUSIC, BABBLE)


@dataclass(frozen=True)
class AugmentOptions:
    """Options of augmented copies; the defaults are Kaldi's. SNRs are in dB, intervals in seconds.

    A kind is reverb, noise, music or babble, or two of them joined, such as reverb+noise: the room comes first and the
    SNR counts from the speech's early reflections, as in Kaldi's wav-reverberate.
    """

    kinds: tuple[str, ...] = KINDS
    fg_snrs: tuple[float, ...] = (15.0, 10.0, 5.0, 0.0)  # noise: one clip after the other
    fg_interval: float = 1.0  # of silence between two of them
    bg_snrs: tuple[float, ...] = (15.0, 10.0, 8.0, 5.0)  # music: one clip over the whole utterance
    babble_snrs: tuple[float, ...] = (20.0, 17.0, 15.0, 13.0)  # of each other speaker
    babble_speakers: tuple[int, ...] = (3, 4, 5, 6, 7)
    rooms: tuple[str, ...] = ("smallroom", "mediumroom")  # equally likely; any where the responses have none of these
    normalize: bool = True  # the copy has the energy of the original
    probability: float = 0.8  # in training: of a crop not to stay clean
    speeds: tuple[float, ...] = (1.0,)  # in training: equally likely factors

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError(f"kinds is empty: name some of {', '.join(KINDS)}")
        for kind in self.kinds:
            parts = kind.split("+")
            if not set(parts) <= set(KINDS) or len(parts) != len(set(parts)) or REVERB in parts[1:] or len(parts) > 2:
                raise ValueError(
                    f"kinds: {kind!r} is not known: choose from {', '.join(KINDS)}, or reverb+ one of the others"
                )
            if len(parts) == 2 and parts[0] != REVERB:
                raise ValueError(f"kinds: {kind!r}: only reverb+ joins another kind")
        for name in ("fg_snrs", "bg_snrs", "babble_snrs", "babble_speakers", "rooms", "speeds"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty: give at least one value")
        if not all(-60 <= snr <= 60 for snr in (*self.fg_snrs, *self.bg_snrs, *self.babble_snrs)):
            raise ValueError("an SNR is outside of -60 to 60 dB, which 16 bits cannot hold")
        if min(self.babble_speakers) < 1:
            raise ValueError(f"babble_speakers={self.babble_speakers}: at least one speaker is needed")
        if self.fg_interval < 0:
            raise ValueError(f"fg_interval={self.fg_interval} must not be negative")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability={self.probability} must lie in [0, 1]")
        if not all(0.25 <= speed <= 4 for speed in self.speeds):
            raise ValueError(f"speeds={self.speeds} must lie in [0.25, 4]")
