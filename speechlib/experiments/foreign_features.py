"""Features that others compute: files to import, openSMILE and Praat where they are installed."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence

import numpy as np

from speechlib.experiments.extractor import FULL_SCALE, Extractor, resampled
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.tables import RandomAccessTable


class ImportedFeatures(Extractor):
    """Vectors from CSV files (`file`, perhaps `start` and `end`, then a column each) or Kaldi archives (.scp, .ark).

    A sample is found by its name, by the name of its audio file, or by that name without folders.
    """

    kind = "import"

    def __init__(self, ini: ExperimentIni):
        self._files = [str(path) for path in ini.get("FEATS", "import_file") or []]
        self._where = ini.where("FEATS", "import_file")
        if not self._files:
            raise ini.error("FEATS", "type", "import needs import_file = ['features.csv', ..]")
        self._append = ini.get("FEATS", "import_files_append")
        self._names: list[str] = []

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        raise NotImplementedError("imported features are looked up")

    def look_up(self, samples: Samples) -> list[np.ndarray]:
        tables = [self._read(path) for path in self._files]
        names = [names for names, _ in tables]
        if self._append:
            odd = [path for path, own in zip(self._files, names, strict=True) if own != names[0]]
            if odd:
                raise ValueError(
                    f"{self._where}: {odd[0]} has other columns than {self._files[0]}: set import_files_append = False "
                    "to join columns"
                )
            merged: dict[str, np.ndarray] = {}
            for _, table in tables:
                merged.update(table)
            tables, self._names = [(names[0], merged)], names[0]
        else:
            self._names = [name for own in names for name in own]
        rows, missing = [], []
        for row in range(len(samples)):
            found = [self._find(table, samples, row) for _, table in tables]
            if any(vector is None for vector in found):
                missing.append(samples.names[row])
            else:
                rows.append(np.concatenate(found))
        if missing:
            raise ValueError(
                f"{self._where}: {len(missing)} of {len(samples)} samples have no features in "
                f"{', '.join(self._files)}:\n  " + "\n  ".join(missing)
            )
        return rows

    def names(self, dim: int) -> Sequence[str]:
        return self._names

    @staticmethod
    def _find(table, samples: Samples, row: int) -> np.ndarray | None:
        place = (samples.starts[row], samples.ends[row])
        for name in (samples.names[row], samples.entries[row], os.path.basename(samples.names[row])):
            for key in ((name, *place), name):
                if key in table:
                    return table[key]
        return None

    def _read(self, path: str):
        if not os.path.isfile(path):
            raise ValueError(f"{self._where}: there is no file {path}")
        if not path.endswith(".csv"):
            kind = "scp" if path.endswith(".scp") else "ark"
            table = RandomAccessTable(f"{kind}:{path}", kind="vector")
            vectors = {name: np.asarray(table[name]) for name in table}
            dim = len(next(iter(vectors.values()), ()))
            return [f"{os.path.basename(path)}_{number}" for number in range(dim)], vectors
        return _read_csv(path)


class OpensmileExtractor(Extractor):
    """openSMILE's functionals, an extra."""

    kind = "os"
    licence = "openSMILE (audEERING): research licence, not for commercial use"

    def __init__(self, ini: ExperimentIni):
        try:
            import opensmile
        except ImportError:
            raise ImportError(
                "features of type os need opensmile (audEERING research licence, not for commercial use): "
                "utils/setup_env.sh opensmile, or pip install opensmile; `functionals` are our own"
            ) from None
        name = ini.get("FEATS", "set")
        if name not in opensmile.FeatureSet.__members__:
            raise ini.error("FEATS", "set", f"openSMILE has no set {name!r}: known are "
                            f"{', '.join(opensmile.FeatureSet.__members__)}")  # fmt: skip
        self._smile = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
        self.description = {"set": name, "version": opensmile.__version__}

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        frame = self._smile.process_signal(resampled(samples, rate) / np.float32(FULL_SCALE), 16000)
        return frame.to_numpy(np.float32)[0]

    def names(self, dim: int) -> Sequence[str]:
        return list(self._smile.feature_names)


class PraatExtractor(Extractor):
    """Voice measures of Praat, an extra: F0, harmonicity, jitter, shimmer, formants, intensity."""

    kind = "praat"
    licence = "Praat through praat-parselmouth: GPL-3.0"
    _NAMES = (
        "f0_mean", "f0_sd", "hnr_mean", "jitter_local", "shimmer_local", "f1_mean", "f2_mean", "f3_mean",
        "intensity_mean", "intensity_sd", "duration",
    )  # fmt: skip

    def __init__(self):
        try:
            import parselmouth
        except ImportError:
            raise ImportError(
                "features of type praat need praat-parselmouth (GPL-3.0): utils/setup_env.sh praat, or pip install "
                "praat-parselmouth"
            ) from None
        self._praat = parselmouth
        self.description = {"version": parselmouth.__version__, "names": list(self._NAMES)}

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        call = self._praat.praat.call
        sound = self._praat.Sound(resampled(samples, rate).astype(np.float64) / FULL_SCALE, 16000)
        pitch, formant = sound.to_pitch(), sound.to_formant_burg()
        points = call([sound, pitch], "To PointProcess (cc)")
        f0 = pitch.selected_array["frequency"]
        f0 = f0[f0 > 0]
        intensity = sound.to_intensity().values[0]
        values = [
            f0.mean() if len(f0) else 0.0, f0.std() if len(f0) else 0.0,
            call(sound.to_harmonicity(), "Get mean", 0, 0),
            call(points, "Get jitter (local)", 0, 0, 1e-4, 0.02, 1.3),
            call([sound, points], "Get shimmer (local)", 0, 0, 1e-4, 0.02, 1.3, 1.6),
            *(call(formant, "Get mean", number, 0, 0, "hertz") for number in (1, 2, 3)),
            intensity.mean(), intensity.std(), sound.duration,
        ]  # fmt: skip
        # Praat says undefined of a sound without voice.
        return np.nan_to_num(np.array(values, np.float32), nan=0.0)

    def names(self, dim: int) -> Sequence[str]:
        return self._NAMES


def _read_csv(path: str):
    from speechlib.io.label_csv import seconds_of

    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if not header or header[0] != "file":
            raise ValueError(f"{path}:1: expected a header that begins with file, got {','.join(header[:5])}")
        first = 3 if header[1:3] == ["start", "end"] else 1
        table: dict = {}
        for fields in reader:
            where = f"{path}:{reader.line_num}"
            if len(fields) != len(header):
                raise ValueError(f"{where}: expected {len(header)} fields, got {len(fields)}")
            try:
                vector = np.array([float(value) for value in fields[first:]], np.float32)
            except ValueError:
                raise ValueError(f"{where}: a feature is not a number") from None
            key = fields[0]
            if first == 3 and (fields[1] not in ("", "0 days") or fields[2] not in ("", "NaT")):
                start = seconds_of(fields[1], where) if fields[1] else 0.0
                end = -1.0 if fields[2] in ("", "NaT") else seconds_of(fields[2], where)
                table[key, start, end] = vector
                if start:
                    continue
            table.setdefault(key, vector)
    return header[first:], table
