"""Embeddings of audio by a speaker network: those that the commands give, one file after another."""

import numpy as np
import pytest
import torch

from speechlib.bin import compute_feats, compute_vad, extract_embeddings
from speechlib.experiments.speaker_network import SpeakerNetwork
from speechlib.io.audio import read_audio
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.maps import write_map
from speechlib.io.tables import read_table
from speechlib.io.wav_writer import write_wav
from speechlib.nnet.models import find_model

FRONTEND = {"cmn": "sliding", "cmn_window": 300, "norm_vars": False, "vad": True, "deltas": 0, "delta_window": 3}
FEATURES = {"type": "mfcc", "num_ceps": 6, "num_mel_bins": 10, "snip_edges": False}


@pytest.fixture
def network(tmp_path):
    """A folder as train_nnet leaves it, with random weights."""
    torch.manual_seed(0)
    module = find_model("xvector")
    model = module.build(module.Options((8, 8, 8, 8, 12), 7, 6), 6, 2)
    folder = ModelFolder(tmp_path / "net")
    config = {"model": {"name": "xvector", "channels": [8, 8, 8, 8, 12], "tdnn6": 7, "tdnn7": 6}, "frontend": FRONTEND,
              "input_dim": 6, "speakers": ["a", "b"], "features": FEATURES}  # fmt: skip
    folder.write_config(config)
    folder.save_weights(model.state_dict())
    return folder


@pytest.fixture
def data(tmp_path):
    """A data directory of two recordings, noise that comes and goes."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    for name, rate in (("u1", 16000), ("u2", 16000)):
        envelope = np.where(np.arange(16000) // 4000 % 2, 3000.0, 20.0)
        write_wav(folder / f"{name}.wav", (rng.normal(size=16000) * envelope).astype(np.int16), rate)
    write_map(folder / "wav.scp", {name: folder / f"{name}.wav" for name in ("u1", "u2")})
    write_map(folder / "utt2spk", {"u1": "s", "u2": "s"})
    return folder


def test_embeddings_are_those_of_the_commands(network, data, tmp_path):
    (tmp_path / "mfcc.conf").write_text("--num-ceps=6\n--num-mel-bins=10\n--snip-edges=false\n--dither=0\n")
    (tmp_path / "vad.conf").write_text(
        "--vad-energy-threshold=5.5\n--vad-energy-mean-scale=0.5\n--vad-proportion-threshold=0.12\n"
        "--vad-frames-context=2\n"
    )
    place = "ark,scp:{0}/{1}.ark,{0}/{1}.scp"
    mfcc, vad = str(tmp_path / "mfcc.conf"), str(tmp_path / "vad.conf")
    compute_feats.main(["--type", "mfcc", "--config", mfcc, str(data), place.format(data, "feats")])
    compute_vad.main(["--config", vad, f"scp:{data}/feats.scp", place.format(data, "vad")])
    extract_embeddings.main(["--layer", "tdnn6", str(network.path), str(data), place.format(data, "x")])
    expected = dict(read_table(f"scp:{data}/x.scp"))
    ours = SpeakerNetwork(network, "tdnn6")
    for name in ("u1", "u2"):
        np.testing.assert_allclose(ours.embed(*read_audio(data / f"{name}.wav")), expected[name], rtol=2e-4, atol=2e-5)
    assert SpeakerNetwork(network).layer == "tdnn7"


def test_other_rates_short_and_silent_recordings(network):
    ours = SpeakerNetwork(network)
    noise = np.random.default_rng(0).normal(size=800).astype(np.float32) * 1000
    for samples, rate in ((noise, 8000), (noise[:500], 16000), (np.zeros(4000, np.float32), 16000)):
        assert np.isfinite(ours.embed(samples, rate)).all()


def test_features_that_a_network_does_not_note_are_named(network, tmp_path):
    config = network.read_config()
    network.write_config({**config, "features": None})
    with pytest.raises(ValueError, match="name their options.*feats_config"):
        SpeakerNetwork(network)
    (tmp_path / "mfcc.conf").write_text("--num-ceps=6\n--num-mel-bins=10\n--snip-edges=false\n")
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32) * 1000
    named = SpeakerNetwork(network, None, str(tmp_path / "mfcc.conf")).embed(noise, 16000)
    network.write_config(config)
    assert (named == SpeakerNetwork(network).embed(noise, 16000)).all()
