"""extract_hidden_states: states against the network's own, sources of weights, jobs, stamps, audio of all kinds."""

import numpy as np
import pytest
import torch

from speechlib.bin import extract_hidden_states
from speechlib.features.resample import Resampler
from speechlib.io.audio import write_wav
from speechlib.io.hidden_states import HiddenStates
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.maps import write_map
from speechlib.nnet.self_supervised import HiddenStateExtractor, NetworkOptions, build_network

CONFIG = """
architecture: custom
custom: {stem: [[8, 20, 10], [8, 4, 4]], width: 16, num_layers: 3, heads: 2, feed_forward: 16, position_frames: 4,
         position_groups: 4}
"""


@pytest.fixture
def corpus(tmp_path):
    """Five utterances: mono, stereo and of other rates."""
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "net.yaml").write_text(CONFIG)
    kinds = {"u1": (16000, 1), "u2": (16000, 2), "u3": (48000, 1), "u4": (8000, 1), "u5": (16000, 1)}
    samples = {}
    for name, (rate, channels) in kinds.items():
        wave = (3000 * rng.normal(size=(int(0.2 * rate) + 37, channels))).astype(np.int16)
        write_wav(data / f"{name}.wav", wave if channels > 1 else wave[:, 0], rate)
        samples[name] = torch.from_numpy(wave[:, 0].astype(np.float32) / 32768), rate
    write_map(data / "wav.scp", {name: f"{data}/{name}.wav" for name in kinds})
    write_map(data / "utt2spk", {name: "s" for name in kinds})
    return data, samples


def extract(tmp_path, *options, source=("--random-weights", "3"), out="out", config="net.yaml"):
    folder = tmp_path / out
    folder.mkdir(exist_ok=True)
    extract_hidden_states.main(["--config", str(tmp_path / config), *source, "--num-threads", "1", "--description",
                                f"{folder}/states.yaml", *options, str(tmp_path / "data"),
                                f"ark,scp:{folder}/states.ark,{folder}/states.scp"])  # fmt: skip
    return HiddenStates(folder)


def network(tmp_path, seed=3):
    return build_network(build_options(NetworkOptions, read_options(tmp_path / "net.yaml"), "net.yaml"), seed)


def test_states_are_the_networks_of_the_first_channel_at_16_khz(corpus, tmp_path):
    states = extract(tmp_path)
    extractor = HiddenStateExtractor(network(tmp_path))
    for name, (waveform, rate) in corpus[1].items():
        if rate != 16000:
            waveform = torch.cat(list(Resampler(rate, 16000).stream([waveform])))
        np.testing.assert_allclose(states[name], extractor(waveform), atol=1e-6)
    description = states.description
    assert description["random_weights"] is True and description["seed"] == 3 and "sha256" not in description
    assert description["layers"] == [1, 2, 3] and description["dim"] == 16 and description["frame_shift"] == 0.0025
    assert description["network"]["custom"]["stem"] == [[8, 20, 10], [8, 4, 4]]


def test_resampling_is_torchaudios(corpus):
    """The notebook resamples by torchaudio's windowed sinc; ours is the same formula."""
    from speechlib._torchaudio import import_torchaudio

    waveform, rate = corpus[1]["u3"]
    ours = torch.cat(list(Resampler(rate, 16000).stream([waveform])))
    theirs = import_torchaudio().functional.resample(waveform, rate, 16000)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_layers_and_pooling(corpus, tmp_path):
    every = extract(tmp_path)
    some = extract(tmp_path, "--layers", "1,3", out="some")
    pooled = extract(tmp_path, "--pooling", "mean", "--layers", "2-3", out="pooled")
    packed = extract(tmp_path, "--compress", "true", out="packed")
    assert some.layers == [1, 3] and pooled.layers == [2, 3] and pooled.pooling == "mean"
    for name in corpus[1]:
        np.testing.assert_allclose(some[name], every[name][[0, 2]], atol=1e-6)
        np.testing.assert_allclose(pooled[name][:, 0], every[name][1:].mean(axis=1), atol=1e-6)
        assert 0 < np.abs(packed[name] - every[name]).max() < 0.1
    assert (tmp_path / "packed/states.ark").stat().st_size < 0.4 * (tmp_path / "out/states.ark").stat().st_size


def test_any_number_of_jobs_gives_the_same_bits_and_a_stamp_saves_work(corpus, tmp_path, capsys):
    whole = extract(tmp_path)
    found = {}
    for job in ("1", "2"):
        part = extract(tmp_path, "--job", job, "--num-jobs", "2", "--stamp", f"{tmp_path}/stamp{job}", out=f"job{job}")
        found |= {name: part[name] for name in corpus[1] if name in part}
        assert "complete already" not in capsys.readouterr().out
    assert sorted(found) == sorted(corpus[1])
    assert all(np.array_equal(value, whole[name]) for name, value in found.items())

    again = ("--job", "1", "--num-jobs", "2", "--stamp", f"{tmp_path}/stamp1")
    extract(tmp_path, *again, out="job1")
    assert "complete already" in capsys.readouterr().out
    for change in (
        lambda: extract(tmp_path, *again, "--layers", "1-2", out="job1"),
        lambda: extract(tmp_path, *again, source=("--random-weights", "4"), out="job1"),
        lambda: write_wav(corpus[0] / "u1.wav", np.ones(900, np.int16), 16000),
        lambda: (tmp_path / "job1/states.yaml").unlink(),
    ):
        change()
        extract(tmp_path, *again, out="job1")
        assert "complete already" not in capsys.readouterr().out


def test_weights_from_a_file_in_another_layout(corpus, tmp_path):
    model = network(tmp_path, 8)
    state = {}
    for name, value in model.state_dict().items():
        name = name.replace("encoder.feature_projection", "feature_projection")
        state[name.replace("encoder.transformer", "encoder")] = value
    torch.save(state, tmp_path / "hubert.bin")
    states = extract(tmp_path, source=("--weights", f"{tmp_path}/hubert.bin"))
    waveform, _ = corpus[1]["u1"]
    np.testing.assert_allclose(states["u1"], HiddenStateExtractor(model)(waveform), atol=1e-6)
    description = states.description
    assert description["random_weights"] is False and description["layout"] == "Hugging Face"
    assert description["weights"] == "hubert.bin" and len(description["sha256"]) == 64

    del state["encoder.layer_norm.bias"]
    torch.save(state, tmp_path / "hubert.bin")
    with pytest.raises(ValueError, match=r"hubert\.bin: Hugging Face layout: 1 tensors .* missing.*layer_norm\.bias"):
        extract(tmp_path, source=("--weights", f"{tmp_path}/hubert.bin"))


def test_published_weights_are_fetched_when_asked_for(corpus, tmp_path, monkeypatch):
    (tmp_path / "published").mkdir()
    torch.save(network(tmp_path, 9).state_dict(), tmp_path / "published/net.pth")
    monkeypatch.setattr(NetworkOptions, "weights_url", lambda self: f"file://{tmp_path}/published/net.pth")
    states = extract(tmp_path, "--weights-dir", f"{tmp_path}/cache", source=("--download", "true"))
    assert (tmp_path / "cache/net.pth").is_file()
    assert states.description["weights"].startswith("file:") and states.description["layout"] == "torchaudio"
    waveform, _ = corpus[1]["u1"]
    np.testing.assert_allclose(states["u1"], HiddenStateExtractor(network(tmp_path, 9))(waveform), atol=1e-6)


@pytest.mark.parametrize("source", [(), ("--random-weights", "1", "--download", "true")])
def test_the_source_of_the_weights_must_be_said(corpus, tmp_path, source):
    with pytest.raises(ValueError, match="give one of --weights FILE, --download true and --random-weights SEED"):
        extract(tmp_path, source=source)


def test_segments_take_their_part(corpus, tmp_path):
    write_map(corpus[0] / "segments", {"x1": "u1 0.02 0.14", "x2": "u1 0.05 -1"})
    states = extract(tmp_path, "--job", "2", "--num-jobs", "2")
    waveform, _ = corpus[1]["u1"]
    assert "x1" not in states
    expected = HiddenStateExtractor(network(tmp_path))(waveform[800:])
    np.testing.assert_allclose(states["x2"], expected, atol=1e-6)


def test_short_and_bad_audio_are_named_and_nothing_is_left(corpus, tmp_path):
    write_wav(corpus[0] / "u3.wav", np.ones(49, np.int16), 16000)
    with pytest.raises(ValueError, match="utterance u3 is too short: 49 samples at 16000 Hz, but the network needs 50"):
        extract(tmp_path)
    (corpus[0] / "u3.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"utterance u3: .*mend it, or leave it out with utils/subset_data_dir.sh"):
        extract(tmp_path)
    assert not list((tmp_path / "out").iterdir())


def test_weights_that_give_no_numbers(corpus, tmp_path, monkeypatch):
    state = network(tmp_path).state_dict()
    state["encoder.transformer.layers.2.final_layer_norm.weight"].fill_(3e38)
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="utterance u1: the network gives NaN or infinity"):
        extract(tmp_path, source=("--weights", f"{tmp_path}/w.pt"))


@pytest.mark.parametrize("layers", ["3-1", "a", "1,1", "2,1", "1,", "-"])
def test_lists_of_layers_that_are_none(layers):
    with pytest.raises(ValueError, match=f"--layers {layers}: expected ascending numbers and ranges"):
        extract_hidden_states.parse_layers(layers)


def test_other_options_that_cannot_be(corpus, tmp_path):
    with pytest.raises(ValueError, match="expected 1 <= job <= num-jobs"):
        extract(tmp_path, "--job", "3", "--num-jobs", "2")
    with pytest.raises(ValueError, match="the network has layers 1 to 3"):
        extract(tmp_path, "--layers", "4")
