"""Feature extractors by name: mfcc, fbank, melspec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechlib.features.options import FbankOptions, MelspecOptions, MfccOptions

if TYPE_CHECKING:
    from speechlib.features.extractor import Extractor

OPTIONS = {"mfcc": MfccOptions, "fbank": FbankOptions, "melspec": MelspecOptions}


def build_extractor(
    options: MfccOptions | FbankOptions | MelspecOptions, *, vtln_warp: float = 1.0, seed: int = 0, device: str = "cpu"
) -> Extractor:
    """Make the extractor that the options are of; a mel spectrogram has neither VTLN nor dither.

    Raises:
        ValueError: the options contradict each other, or a VTLN warp for a mel spectrogram.
    """
    if isinstance(options, MelspecOptions):
        from speechlib.features.melspec import Melspec

        if vtln_warp != 1.0:
            raise ValueError(f"vtln-warp={vtln_warp}: mel spectrograms have no VTLN")
        return Melspec(options, device=device)
    if isinstance(options, MfccOptions):
        from speechlib.features.mfcc import Mfcc

        return Mfcc(options, vtln_warp=vtln_warp, seed=seed, device=device)
    from speechlib.features.fbank import Fbank

    return Fbank(options, vtln_warp=vtln_warp, seed=seed, device=device)


def frame_shift(options: MfccOptions | FbankOptions | MelspecOptions) -> float:
    """Seconds from one frame to the next."""
    samples = options.hop if isinstance(options, MelspecOptions) else options.window_shift
    return samples / options.sample_frequency
