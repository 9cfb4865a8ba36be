"""extract_frames: values and times of layers, jobs, untrained weights, streams in pieces, and errors."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from speechlib.bin import extract_embeddings, extract_frames
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table, read_table
from speechlib.nnet.models import find_model

DIM = 4
SIZES = {"channels": [6, 6, 6, 8], "fc1": 7, "fc2": 5}
FRONTEND = {"cmn": "utterance", "vad": False}


def make_model(path, pooling="average", frontend=FRONTEND, **changes):
    """A folder as train_nnet leaves it."""
    module = find_model("shon_cnn")
    options = module.Options(
        **{name: tuple(v) if isinstance(v, list) else v for name, v in SIZES.items()}, pooling=pooling
    )
    torch.manual_seed(7)
    model = module.build(options, DIM, 3)
    untrained = {name: value.clone() for name, value in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    folder = ModelFolder(path)
    config = {"seed": 7, "model": {"name": "shon_cnn", **SIZES, "pooling": pooling}, "frontend": frontend,
              "input_dim": DIM, "speakers": ["a", "b", "c"]}  # fmt: skip
    folder.write_config({**config, **changes})
    folder.save_weights(model.state_dict())
    return model.eval(), untrained


@pytest.fixture
def corpus(tmp_path):
    """A data directory of 70 utterances, and their features."""
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    features = {f"u{k:02d}": rng.normal(1, 2, (int(n), DIM)).astype(np.float32)
                for k, n in enumerate(rng.integers(30, 120, 70))}  # fmt: skip
    features["u07"] = rng.normal(size=(700, DIM)).astype(np.float32)
    write_map(data / "utt2spk", {name: "x" for name in features})
    with open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as writer:
        for name, matrix in features.items():
            writer.write(name, matrix)
    (data / "feats.yaml").write_text("type: mfcc\nsnip_edges: false\n")
    return data, features


def extract(tmp_path, *options, out="out"):
    extract_frames.main([*options, str(tmp_path / "exp"), str(tmp_path / "data"),
                         f"ark,scp:{tmp_path}/{out}/LAYER/frames.ark,{tmp_path}/{out}/LAYER/frames.scp",
                         f"ark,scp:{tmp_path}/{out}/LAYER/times.ark,{tmp_path}/{out}/LAYER/times.scp"])  # fmt: skip

    def table(layer, kind="frames"):
        return dict(read_table(f"scp:{tmp_path}/{out}/{layer}/{kind}.scp"))

    return table


def test_values_and_times_of_every_layer(corpus, tmp_path):
    model, _ = make_model(tmp_path / "exp")
    table = extract(tmp_path)
    _, features = corpus
    for layer, step in (("conv1", 0.01), ("conv2", 0.02), ("conv4", 0.02), ("fc1", 0.02), ("fc2", 0.02)):
        frames, times = table(layer), table(layer, "times")
        assert list(frames) == list(times) == sorted(features)
        for name in ("u00", "u07", "u42"):
            x = torch.from_numpy(features[name] - features[name].mean(axis=0))[None]
            with torch.inference_mode():
                np.testing.assert_allclose(frames[name], model.frame_values(x, layer)[0], atol=1e-5)
            np.testing.assert_allclose(times[name], 0.005 + step * np.arange(len(frames[name])), atol=1e-9)


def test_the_mean_over_frames_is_what_extract_embeddings_gives(corpus, tmp_path):
    make_model(tmp_path / "exp")
    frames = extract(tmp_path, "--layers", "fc2", "--chunk-frames", "150")("fc2")
    extract_embeddings.main(["--layer", "fc2", str(tmp_path / "exp"), str(tmp_path / "data"), f"ark:{tmp_path}/e.ark"])
    for name, vector in read_table(f"ark:{tmp_path}/e.ark", "vector"):
        assert np.abs(frames[name].mean(axis=0) - vector).max() < 1e-5


def test_untrained_weights_are_those_that_training_began_with(corpus, tmp_path):
    model, untrained = make_model(tmp_path / "exp")
    frames = extract(tmp_path, "--layers", "conv1", "--untrained", "true")("conv1")
    model.load_state_dict(untrained)
    _, features = corpus
    x = torch.from_numpy(features["u00"] - features["u00"].mean(axis=0))[None]
    with torch.inference_mode():
        np.testing.assert_allclose(frames["u00"], model.frame_values(x, "conv1")[0], atol=1e-5)


def test_any_number_of_jobs_gives_the_same_bits_and_a_stamp_saves_work(corpus, tmp_path, capsys):
    make_model(tmp_path / "exp")
    whole = extract(tmp_path, "--layers", "conv1,fc2")
    parts = [extract(tmp_path, "--layers", "conv1,fc2", "--job", str(job), "--num-jobs", "2", "--stamp",
                     str(tmp_path / f"stamp{job}"), out=f"job{job}") for job in (1, 2)]  # fmt: skip
    for layer in ("conv1", "fc2"):
        together = {**parts[0](layer), **parts[1](layer)}
        assert sorted(together) == sorted(whole(layer)) and 0 < len(parts[1](layer)) < 70
        assert all(np.array_equal(together[name], value) for name, value in whole(layer).items())
    options = ("--layers", "conv1,fc2", "--job", "1", "--num-jobs", "2", "--stamp", str(tmp_path / "stamp1"))
    extract(tmp_path, *options, out="job1")
    assert "complete already" in capsys.readouterr().out
    (tmp_path / "job1/fc2/times.ark").unlink()
    extract(tmp_path, *options, out="job1")
    assert (tmp_path / "job1/fc2/times.ark").exists()


def test_voiced_frames_keep_their_times(corpus, tmp_path):
    data, features = corpus
    make_model(tmp_path / "exp", frontend={"cmn": "none", "vad": True})
    voiced = {name: (np.arange(len(m)) // 10 % 2).astype(np.float32) for name, m in features.items()}
    with open_table(f"ark,scp:{data}/vad.ark,{data}/vad.scp") as writer:
        for name, decisions in voiced.items():
            writer.write(name, decisions)
    times = extract(tmp_path, "--layers", "conv1")("conv1", "times")["u07"]
    np.testing.assert_allclose(times, 0.005 + 0.01 * np.flatnonzero(voiced["u07"]))
    everything = extract(tmp_path, "--layers", "conv1", "--vad", "false")("conv1", "times")["u07"]
    assert len(everything) == 700


def test_features_that_do_not_say_how_they_were_made(corpus, tmp_path, capsys):
    data, _ = corpus
    make_model(tmp_path / "exp")
    (data / "feats.yaml").write_text("type: mfcc\nsnip_edges: true\nframe_length: 25\n")
    assert extract(tmp_path, "--layers", "conv1")("conv1", "times")["u00"][0] == 0.0125
    (data / "feats.yaml").unlink()
    assert extract(tmp_path, "--layers", "conv1")("conv1", "times")["u00"][0] == 0.005
    assert "does not say how its features were made" in capsys.readouterr().err
    (data / "frame_shift").write_text("0.02\n")
    assert extract(tmp_path, "--layers", "conv1")("conv1", "times")["u00"][1] == pytest.approx(0.03)
    (data / "feats.yaml").write_text("type: mfc\n")
    with pytest.raises(ValueError, match="feats.yaml: type 'mfc'"):
        extract(tmp_path, "--layers", "conv1")


def test_layers_are_listed(corpus, tmp_path, capsys):
    make_model(tmp_path / "exp")
    extract_frames.main(["--list-layers", str(tmp_path / "exp")])
    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()] == [
        ["conv1", "1", "0"], *[[layer, "2", "0"] for layer in ("conv2", "conv3", "conv4", "fc1", "fc2")]]  # fmt: skip
    make_model(tmp_path / "exp", pooling="stats")
    extract_frames.main(["--list-layers", str(tmp_path / "exp")])
    printed = capsys.readouterr()
    assert [line.split("\t")[0] for line in printed.out.splitlines()] == ["conv1", "conv2", "conv3", "conv4"]
    assert "fc1, fc2" in printed.err and "average pooling" in printed.err


def test_a_network_with_statistics_pooling_says_what_to_do(corpus, tmp_path):
    make_model(tmp_path / "exp", pooling="stats")
    with pytest.raises(ValueError, match=r"fc2.*statistics pooling.*model.pooling=average.*conv1, conv2, conv3, conv4"):
        extract(tmp_path, "--layers", "fc2")
    assert not (tmp_path / "out").exists()
    assert extract(tmp_path, "--layers", "conv4")("conv4")["u00"].shape[1] == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layers", "conv9"), "'conv9' has no frames: choose one of conv1"),
        (("--untrained", "true", "--model", "x"), "exclude each other"),
        (("--job", "3", "--num-jobs", "2"), "1 <= job <= num-jobs"),
        (("--stamp", "x"), "--stamp needs --layers"),
        (("--chunk-frames", "0"), "chunk_frames must be at least 1"),
    ],
)
def test_wrong_options(corpus, tmp_path, options, message):
    make_model(tmp_path / "exp")
    with pytest.raises(ValueError, match=message):
        extract(tmp_path, *options)


def test_speakers_of_the_training_are_no_test(corpus, tmp_path):
    data, _ = corpus
    make_model(tmp_path / "exp", speakers=["a", "x"])
    with pytest.raises(ValueError, match="was trained on 1 speakers of .*data, such as x"):
        extract(tmp_path, "--layers", "conv1", "--unseen", str(data))


def test_weights_that_are_not_usable_leave_no_archive(corpus, tmp_path):
    model, _ = make_model(tmp_path / "exp")
    model.convs[0].bias.data[0] = float("inf")
    ModelFolder(tmp_path / "exp").save_weights(model.state_dict())
    with pytest.raises(ValueError, match="u00: layer conv1 holds NaN or infinity"):
        extract(tmp_path, "--layers", "conv1")
    assert not list((tmp_path / "out/conv1").glob("*.ark"))


def test_one_place_for_several_layers(corpus, tmp_path):
    make_model(tmp_path / "exp")
    with pytest.raises(ValueError, match="expected the word LAYER in it"):
        extract_frames.main(["--layers", "conv1,conv2", str(tmp_path / "exp"), str(tmp_path / "data"),
                             f"ark:{tmp_path}/x.ark", f"ark:{tmp_path}/LAYER.ark"])  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "speechlib.bin.extract_frames", tmp_path / "exp", "data"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "expected <exp-dir> <data-dir> <wspecifier>" in done.stderr
