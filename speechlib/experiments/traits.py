"""Traits of samples beside their labels: measured ones (duration, SNR, ...), and those that kept models predict."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from speechlib.experiments.audio_facts import is_silent
from speechlib.experiments.extractor import FULL_SCALE, Extractor
from speechlib.experiments.features import compute
from speechlib.experiments.outcome import store_folder
from speechlib.experiments.saved_model import SavedModel
from speechlib.io.cli import nearest
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import code_digest
from speechlib.io.samples import Samples

# What is measured, and its unit.
MEASURED = {
    "duration": "s", "snr": "dB", "speech_rate": "syllable nuclei/s", "clipping": "share of samples",
    "level": "dB below full scale",
}  # fmt: skip
SPEAKER = "speaker"

Trait = np.ndarray | list[str]  # (rows,) numbers, NaN where there is none; or (rows,) classes


def trait_column(name: str) -> str:
    """What the column of a trait is called: never as that of a label, which may be there, too."""
    return f"{name}_pred"


class TraitExtractor(Extractor):
    """The measured traits, as MEASURED lists them; digital silence has neither SNR, speech rate nor level."""

    kind = "traits"

    def __init__(self):
        self.description = {"traits": list(MEASURED), "code": code_digest("features", "experiments/traits.py")}

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        from speechlib.features.snr import clipped_share, estimate_snr
        from speechlib.features.speech_rate import speech_rate

        snr = syllables = level = np.nan
        if not is_silent(samples):
            snr, syllables = estimate_snr(samples, rate), speech_rate(samples, rate)
            level = 10 * np.log10(np.mean(np.square(samples, dtype=np.float64))) - 20 * np.log10(FULL_SCALE)
        return np.array([len(samples) / rate, snr, syllables, clipped_share(samples), level])

    def names(self, dim: int) -> Sequence[str]:
        return list(MEASURED)


def measured_traits(ini: ExperimentIni, samples: Samples, say: Callable[[str], None]) -> dict[str, np.ndarray]:
    """(rows,) of every measured trait; they are kept in the store of features."""
    values = np.stack(compute(TraitExtractor(), samples, store_folder(ini), ini.get("DATA", "no_reuse"), say))
    return dict(zip(MEASURED, values.T.astype(np.float64), strict=True))


def check_traits(ini: ExperimentIni, section: str, key: str, with_speaker: bool) -> list[str]:
    """The traits that a key names.

    Raises:
        ValueError: one is not known; the nearest is named.
    """
    wanted = [str(name) for name in ini.get(section, key)]
    known = [*MEASURED, *[SPEAKER] * with_speaker, *map(str, ini.get("PREDICT", "models"))]
    for name in wanted:
        if name not in known:
            raise ini.error(
                section, key, f"unknown trait {name!r}{nearest(name, known)}; known are {', '.join(known)}: others "
                "need a model: models = {'<trait>': '<INI file of an experiment with save = True>'} in [PREDICT]"
            )  # fmt: skip
    return wanted


def sample_traits(
    ini: ExperimentIni, samples: Samples, wanted: Sequence[str], say: Callable[[str], None]
) -> dict[str, Trait]:
    """Traits of samples, by name in the order that is wanted.

    Args:
        ini: of the experiment; PREDICT.models names the models.
        samples: (rows) of these.
        wanted: names that `check_traits` let pass.
        say: is told about progress.

    Raises:
        ValueError, FileNotFoundError: a model is not there, is damaged, or cannot judge the samples.
    """
    models = {str(name): str(path) for name, path in ini.get("PREDICT", "models").items()}
    found: dict[str, Trait] = {}
    measured: dict[str, np.ndarray] = {}
    for name in wanted:
        if name in models:
            found[name] = predicted_trait(ini, models[name], samples, say)
        elif name == SPEAKER:
            from speechlib.experiments.speaker_labels import predict_speakers

            found[name] = predict_speakers(ini, samples, say)
        else:
            measured = measured or measured_traits(ini, samples, say)
            found[name] = measured[name]
    return found


def predicted_trait(ini: ExperimentIni, path: str, samples: Samples, say: Callable[[str], None]) -> Trait:
    """What the kept model of another experiment says: classes, or numbers.

    Args:
        ini: the file that names it.
        path: of the other experiment's INI file, from the working directory or from the folder of `ini`.
        samples: to be judged.
        say: is told about progress.
    """
    beside = os.path.join(os.path.dirname(ini.path), path)
    if not os.path.isfile(path) and not os.path.isfile(beside):
        raise ini.error("PREDICT", "models", f"there is no file {path}")
    model = SavedModel(ExperimentIni(path if os.path.isfile(path) else beside), say)
    outputs = model.judge(samples, say)
    return model.decide(outputs) if model.classes else outputs[:, 0]
