"""Feature extractors by name: mfcc, fbank, melspec, spectrogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechlib.features.options import FbankOptions, MelspecOptions, MfccOptions, SpectrogramOptions

if TYPE_CHECKING:
    from speechlib.features.extractor import Extractor

AnyOptions = MfccOptions | FbankOptions | MelspecOptions | SpectrogramOptions
OPTIONS = {
    "mfcc": MfccOptions, "fbank": FbankOptions, "melspec": MelspecOptions, "spectrogram": SpectrogramOptions,
}  # fmt: skip


def build_extractor(
    options: AnyOptions, *, vtln_warp: float = 1.0, seed: int = 0, device: str = "cpu"
) -> Extractor:
    """Make the extractor that the options are of; VTLN is MFCC's and the filterbank's, a mel spectrogram has no dither.

    Raises:
        ValueError: the options contradict each other, or a VTLN warp for a spectrogram.
    """
    if isinstance(options, (MelspecOptions, SpectrogramOptions)) and vtln_warp != 1.0:
        raise ValueError(f"vtln-warp={vtln_warp}: spectrograms have no VTLN")
    if isinstance(options, SpectrogramOptions):
        from speechlib.features.spectrogram import Spectrogram

        return Spectrogram(options, seed=seed, device=device)
    if isinstance(options, MelspecOptions):
        from speechlib.features.melspec import Melspec

        return Melspec(options, device=device)
    if isinstance(options, MfccOptions):
        from speechlib.features.mfcc import Mfcc

        return Mfcc(options, vtln_warp=vtln_warp, seed=seed, device=device)
    from speechlib.features.fbank import Fbank

    return Fbank(options, vtln_warp=vtln_warp, seed=seed, device=device)


def frame_shift(options: AnyOptions) -> float:
    """Seconds from one frame to the next."""
    samples = options.hop if isinstance(options, MelspecOptions) else options.window_shift
    return samples / options.sample_frequency


def first_centre(options: AnyOptions) -> float:
    """Seconds from the beginning of the audio to the middle of the first frame's window."""
    if isinstance(options, MelspecOptions):
        return 0.0  # centred on the first sample
    samples = options.window_size if options.snip_edges else options.window_shift
    return 0.5 * samples / options.sample_frequency
