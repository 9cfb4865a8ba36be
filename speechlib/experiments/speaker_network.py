"""A trained speaker network of this repository as a function from audio to an embedding."""

from __future__ import annotations

import numpy as np

from speechlib.augment.speed import resample
from speechlib.features.build import OPTIONS, build_extractor
from speechlib.features.frontend import FrontendOptions, apply_frontend, normalise_crop
from speechlib.features.vad import VadOptions, energy_vad
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.networks import load_network, read_network_config

# conf/vad.conf of the recipes that train speaker networks (Kaldi's voxceleb/v2).
_VAD = VadOptions(vad_frames_context=2, vad_proportion_threshold=0.12)


class SpeakerNetwork:
    """Embeddings of single utterances.

    Args:
        folder: of the network; its configuration says how the features of its training were made.
        layer: of the network; None: its last one.
        feats_config: MFCC options, Kaldi's conf or YAML, of a network that does not say.

    Attributes:
        layer: the layer that is used.

    Raises:
        ValueError: the configuration does not say how features are made, or there is no such layer.
    """

    def __init__(self, folder: ModelFolder, layer: str | None = None, feats_config: str | None = None):
        from speechlib.nnet.embedding_model import load_embedding_weights
        from speechlib.nnet.models import find_model

        config = read_network_config(folder)
        features = dict(config.get("features") or config.get("stored_features") or {})
        if feats_config:
            features = {"type": "mfcc", **read_options(feats_config)}
        if features.get("type") not in OPTIONS:
            raise ValueError(
                f"{folder.config}: it does not say how the features of its training were made: name their options, "
                "such as conf/mfcc_shon.conf of its recipe, with embeddings.feats_config (or speaker.feats_config)"
            )
        kind = features.pop("type")
        still = {} if kind in ("melspec", "spectrogram") else {"dither": 0.0}
        options = build_options(OPTIONS[kind], {**features, **still}, feats_config or folder.config)
        self._rate = int(options.sample_frequency)
        self._extractor = build_extractor(options)
        self._frontend = build_options(FrontendOptions, config["frontend"] or {}, folder.config)
        self._model = load_network(folder, find_model, load_embedding_weights).eval()
        self.layer = layer or self._model.layers[-1]
        self._model.check_layer(self.layer)

    def embed(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """(units,) of (samples,) float32 in int16 range.

        Raises:
            ValueError: nothing is left of the utterance behind the front end.
        """
        import torch

        if rate != self._rate:
            samples = resample(samples, rate, self._rate)
        features = self._extractor.compute(samples).numpy()
        voiced = energy_vad(features, _VAD) if self._frontend.vad else None
        if voiced is not None and not voiced.any():
            voiced = np.ones_like(voiced)  # a sample without a loud frame is heard as it is
        ready = normalise_crop(apply_frontend(features, voiced, self._frontend), self._frontend)
        short = self._model.min_frames - len(ready)
        if short > 0:
            ready = np.pad(ready, ((short // 2, short - short // 2), (0, 0)), mode="edge")
        with torch.inference_mode():
            return self._model.embed(torch.from_numpy(np.ascontiguousarray(ready))[None], self.layer)[0].numpy()
