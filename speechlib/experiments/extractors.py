"""Extractors of the kinds of features that FEATS.type names; all hear audio at 16 kHz."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from speechlib.experiments.encoders import describe_encoder, load_encoder, num_encoder_layers
from speechlib.experiments.extractor import FULL_SCALE, Extractor, FrameExtractor, resampled
from speechlib.experiments.foreign_features import ImportedFeatures, OpensmileExtractor, PraatExtractor
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import code_digest
from speechlib.io.file_digest import file_digest


class FunctionalsExtractor(Extractor):
    """Our own functionals (speechlib.features.functionals)."""

    kind = "functionals"

    def __init__(self, ini: ExperimentIni):
        from speechlib.features.functionals import FunctionalOptions

        groups = ini.get("FEATS", "functionals.groups")
        try:
            self.options = FunctionalOptions(groups=tuple(groups)) if groups else FunctionalOptions()
        except ValueError as error:
            raise ini.error("FEATS", "functionals.groups", str(error)) from None
        self.description = {
            "groups": list(self.options.groups), "code": code_digest("features", "experiments/extractors.py")
        }  # fmt: skip
        self._extractor = None

    @property
    def extractor(self):
        """Made when it is first needed: a run that finds all in the store imports less."""
        if self._extractor is None:
            from speechlib.features.functionals import Functionals

            self._extractor = Functionals(self.options)
        return self._extractor

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        return self.extractor(resampled(samples, rate))

    def names(self, dim: int) -> Sequence[str]:
        return self.extractor.names


class KaldiFrames(FrameExtractor):
    """Log mel filterbanks or MFCCs of Kaldi's kind; minus their mean over the sample where FEATS.cmn asks for it."""

    def __init__(self, ini: ExperimentIni, kind: str):
        self.kind = kind
        self.options = {
            "frame_length": ini.get("FEATS", "fft_win_dur"), "frame_shift": ini.get("FEATS", "fft_hop_dur"),
            "num_mel_bins": ini.get("FEATS", "fft_nbands") if kind != "mfcc" else 40, "dither": 0.0,
            "snip_edges": False,
        }  # fmt: skip
        if kind == "mfcc":
            self.options["num_ceps"] = ini.get("FEATS", "num_ceps")
        self._cmn = ini.get("FEATS", "cmn")
        self.description = {
            "options": self.options, "cmn": self._cmn, "code": code_digest("features", "experiments/extractors.py")
        }  # fmt: skip
        self._extractor = None

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        from speechlib.features.build import OPTIONS, build_extractor

        if self._extractor is None:
            self._extractor = build_extractor(OPTIONS["mfcc" if self.kind == "mfcc" else "fbank"](**self.options))
        frames = self._extractor.compute(resampled(samples, rate)).numpy()
        return frames - frames.mean(0) if self._cmn and len(frames) else frames

    def names(self, dim: int) -> Sequence[str]:
        return [f"{self.kind}{number}" for number in range(dim)]


class EmbeddingExtractor(Extractor):
    """Embeddings of a speaker network of this repository, behind the front end of its training."""

    kind = "embeddings"

    def __init__(self, folder: str, layer: str | None, feats_config: str | None, where: str):
        if not os.path.isdir(folder):
            raise ValueError(f"{where}: there is no folder {folder}: name that of a trained network")
        if feats_config and not os.path.isfile(feats_config):
            raise ValueError(f"{where}: there is no file {feats_config} with options of its features")
        self.folder, self.layer, self._network = ModelFolder(folder), layer, None
        self._feats_config = feats_config
        self.description = {
            "feats_config": file_digest(feats_config) if feats_config else None,
            "config": file_digest(self.folder.config), "weights": file_digest(self.folder.weights), "layer": layer,
            "code": code_digest("features", "nnet", "experiments/extractors.py"),
        }  # fmt: skip

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        from speechlib.experiments.speaker_network import SpeakerNetwork

        if self._network is None:
            self._network = SpeakerNetwork(self.folder, self.layer, self._feats_config)
        return self._network.embed(samples, rate)

    def names(self, dim: int) -> Sequence[str]:
        return [f"embedding{number}" for number in range(dim)]


class HiddenStates(FrameExtractor):
    """Hidden states of HuBERT, wav2vec 2.0 or WavLM: a layer, the mean over all, or all side by side (learned)."""

    def __init__(self, ini: ExperimentIni, kind: str):
        self.kind = kind
        self._source = ini.where("FEATS", f"{kind}.model")
        self._encoder = describe_encoder(ini, "FEATS", f"{kind}.model", f"{kind}.config", kind)
        self.layer = ini.get("FEATS", f"{kind}.layer")
        if self.layer not in ("mean", "learned") and not (self.layer.isdigit() and int(self.layer) > 0):
            raise ini.error("FEATS", f"{kind}.layer", f"expected a layer from 1, mean or learned, got {self.layer!r}")
        self.description = {
            "encoder": {key: value for key, value in self._encoder.items() if key != "weights"}, "layer": self.layer,
            "code": code_digest("nnet/self_supervised.py", "nnet/weight_layouts.py", "experiments/extractors.py"),
        }  # fmt: skip
        if "random_weights" in self._encoder:
            self.licence = f"{kind}: RANDOM weights, an untrained network, good for trying the chain and nothing else"
        self._states = None

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        import torch

        from speechlib.nnet.self_supervised import HiddenStateExtractor

        if self._states is None:
            network, options, _ = load_encoder(self._encoder, self._source)
            layers = [int(self.layer)] if self.layer.isdigit() else None
            self._states = HiddenStateExtractor(network, options.normalises, layers)
        states = self._states(torch.from_numpy(resampled(samples, rate) / np.float32(FULL_SCALE))).numpy()
        if self.layer == "learned":
            return np.moveaxis(states, 0, 1).reshape(states.shape[1], -1)
        return states.mean(0)

    def names(self, dim: int) -> Sequence[str]:
        if self.layer != "learned":
            return [f"{self.kind}{number}" for number in range(dim)]
        layers = num_encoder_layers(self._encoder)
        return [f"{self.kind}_layer{layer + 1}_{place}" for layer in range(layers) for place in range(dim // layers)]


def make_extractors(ini: ExperimentIni, on_frames: bool) -> list[Extractor]:
    """The extractors of FEATS.type.

    Raises:
        ValueError: features for vectors with a model on frames, or options that do not fit.
    """
    extractors: list[Extractor] = []
    for kind in ini.get("FEATS", "type"):
        if kind == "functionals":
            extractor: Extractor = FunctionalsExtractor(ini)
        elif kind in ("fbank", "mfcc", "spectra"):
            extractor = KaldiFrames(ini, kind)
        elif kind == "embeddings":
            folder = ini.get("FEATS", "embeddings.model")
            if not folder:
                raise ini.error("FEATS", "type", "embeddings need embeddings.model = <folder of a speaker network>")
            where = ini.where("FEATS", "embeddings.model")
            extractor = EmbeddingExtractor(
                folder, ini.get("FEATS", "embeddings.layer"), ini.get("FEATS", "embeddings.feats_config"), where
            )
        elif kind in ("hubert", "wav2vec2", "wavlm"):
            extractor = HiddenStates(ini, kind)
        elif kind == "import":
            extractor = ImportedFeatures(ini)
        else:
            extractor = OpensmileExtractor(ini) if kind == "os" else PraatExtractor()
            extractor.wanted = ini.get("FEATS", f"{kind}.features")
        if on_frames and not isinstance(extractor, FrameExtractor):
            raise ini.error("FEATS", "type", f"{kind} gives one vector a sample, the model takes frames: choose fbank, "
                            "mfcc, spectra, hubert, wav2vec2 or wavlm, or another model")  # fmt: skip
        if not on_frames and getattr(extractor, "layer", None) == "learned":
            raise ini.error("FEATS", f"{kind}.layer", "layers are learned by the model cnn alone: choose it, or mean")
        extractors.append(extractor)
    if not extractors:
        raise ini.error("FEATS", "type", "expected at least one kind of features")
    return extractors
