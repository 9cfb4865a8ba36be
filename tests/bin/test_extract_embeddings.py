"""extract_embeddings: models, jobs, utterances that are left out, and errors that leave no archive behind."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from speechlib.bin import extract_embeddings
from speechlib.features.frontend import FrontendOptions, apply_frontend, normalise_crop
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table, read_table
from speechlib.nnet.embedding_extraction import repeat_edges
from speechlib.nnet.models import find_model

MODEL = {"name": "xvector", "channels": [8, 8, 8, 8, 12], "tdnn6": 7, "tdnn7": 6}
FRONTEND = {"cmn": "sliding", "cmn_window": 300, "norm_vars": False, "vad": True, "deltas": 1, "delta_window": 3}
DIM = 5


def make_model(path, frontend=FRONTEND, **changes):
    """A folder as train_nnet leaves it, with random weights; changes to config.yaml."""
    torch.manual_seed(0)
    module = find_model("xvector")
    options = module.Options((8, 8, 8, 8, 12), 7, 6)
    model = module.build(options, DIM * (1 + frontend["deltas"]), 3)
    folder = ModelFolder(path)
    config = {"model": MODEL, "frontend": frontend, "input_dim": model.input_dim, "speakers": ["a", "b", "c"]}
    folder.write_config({name: value for name, value in {**config, **changes}.items() if value is not None})
    folder.save_weights(model.state_dict())
    return model.eval()


@pytest.fixture
def corpus(tmp_path):
    """A data directory of 150 utterances, and features and decisions by utterance."""
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    features = {f"u{k:03d}": rng.normal(2, 3, (int(n), DIM)).astype(np.float32)
                for k, n in enumerate(rng.integers(3, 200, 150))}  # fmt: skip
    features["u070"] = rng.normal(size=(900, DIM)).astype(np.float32)
    voiced = {name: (rng.random(len(matrix)) < 0.7).astype(np.float32) for name, matrix in features.items()}
    for decisions in voiced.values():
        decisions[0] = 1
    write_data(data, features, voiced)
    make_model(tmp_path / "exp")
    return data, features, voiced


def write_data(data, features, voiced):
    write_map(data / "utt2spk", {name: "s" for name in features})
    for kind, objects in (("feats", features), ("vad", voiced)):
        with open_table(f"ark,scp:{data}/{kind}.ark,{data}/{kind}.scp") as writer:
            for name, value in objects.items():
                writer.write(name, value)


def extract(tmp_path, out="out", *options, layer="tdnn6"):
    extract_embeddings.main(["--layer", layer, *options, str(tmp_path / "exp"), str(tmp_path / "data"),
                             f"ark,scp:{tmp_path}/{out}.ark,{tmp_path}/{out}.scp"])  # fmt: skip
    return dict(read_table(f"scp:{tmp_path}/{out}.scp", "vector"))


@pytest.mark.parametrize("cmn", ["sliding", "crop", "utterance"])
def test_values_are_those_of_the_network(corpus, tmp_path, cmn):
    _, features, voiced = corpus
    options = FrontendOptions(**{**FRONTEND, "cmn": cmn})
    model = make_model(tmp_path / "exp", {**FRONTEND, "cmn": cmn})
    found = extract(tmp_path, "out", "--chunk-frames", "300")
    assert list(found) == list(features)
    for name, vector in found.items():
        ready = normalise_crop(apply_frontend(features[name], voiced[name], options), options)
        with torch.inference_mode():
            expected = model.embed(torch.from_numpy(repeat_edges(ready, 25))[None], "tdnn6")[0]
        np.testing.assert_allclose(vector, expected.numpy(), atol=1e-5)


def test_any_number_of_jobs_gives_the_same_bits(corpus, tmp_path):
    alone = extract(tmp_path)
    for num_jobs in (2, 5):
        shared = {}
        for job in range(1, num_jobs + 1):
            shared |= extract(tmp_path, f"job{job}", "--job", str(job), "--num-jobs", str(num_jobs))
        assert sorted(shared) == sorted(alone)
        assert all(np.array_equal(shared[name], alone[name]) for name in alone)


def test_what_has_no_voiced_frames_is_left_out_and_counted(corpus, tmp_path, capsys):
    data, features, voiced = corpus
    voiced["u005"][:] = 0
    features["u007"], voiced["u007"] = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
    del voiced["u009"]
    write_data(data, features, voiced)
    found = extract(tmp_path)
    told = capsys.readouterr().err
    assert set(features) - set(found) == {"u005", "u007", "u009"}
    assert "utterance u005 has no voiced frame: left out" in told and "u007 has no frames" in told
    assert "u009 is not in" in told
    assert "147 embeddings of dimension 7, 3 utterances left out" in told


def test_no_decisions_are_needed_without_vad(corpus, tmp_path):
    make_model(tmp_path / "exp", {**FRONTEND, "vad": False})
    (corpus[0] / "vad.scp").unlink()
    assert len(extract(tmp_path)) == 150


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda data, f, v: f.update(u100=np.zeros((50, 3), np.float32)),
     r"feats.scp: u100 has features of dimension 3 \(6 behind the front end\), but the network in .*exp takes 10"),
    (lambda data, f, v: f["u100"].__setitem__((0, 2), np.nan), "u100 holds NaN or infinity: make its features again"),
    (lambda data, f, v: v.update(u100=np.ones(7, np.float32)), "utterance u100: has .* but 7 voicing decisions"),
])  # fmt: skip
def test_features_that_do_not_fit(corpus, tmp_path, spoil, message):
    data, features, voiced = corpus
    spoil(data, features, voiced)
    write_data(data, features, voiced)
    with pytest.raises(ValueError, match=message):
        extract(tmp_path)
    assert not list(tmp_path.glob("*.ark")) and not list(tmp_path.glob("*.scp")) and not list(tmp_path.glob(".*tmp"))


def test_a_model_that_has_diverged(corpus, tmp_path):
    folder = ModelFolder(tmp_path / "exp")
    model = make_model(tmp_path / "exp")
    model.tdnn6.bias.data[0] = float("inf")
    folder.save_weights(model.state_dict())
    with pytest.raises(ValueError, match="u000: its embedding holds NaN or infinity .* train again"):
        extract(tmp_path)
    assert not (tmp_path / "out.scp").exists()


@pytest.mark.parametrize(("changes", "message"), [
    ({"model": {**MODEL, "name": "xvec"}}, r"'xvec': choose one of .*xvector"),
    ({"model": {**MODEL, "tdnn8": 5}}, r"config.yaml: unknown option --tdnn8 \(did you mean --tdnn[67]"),
    ({"model": {**MODEL, "tdnn6": 9}}, "exp: .*mismatch for tdnn"),
    ({"model": None}, "expected the sections model"),
    ({"frontend": {"cmvn": "none", "deltas": 1}}, "unknown option --cmvn .did you mean --cmn"),
    ({"input_dim": None}, "expected input_dim"),
])  # fmt: skip
def test_models_that_are_none(corpus, tmp_path, changes, message):
    make_model(tmp_path / "exp", **changes)
    with pytest.raises(ValueError, match=message):
        extract(tmp_path)


def test_arguments(corpus, tmp_path):
    with pytest.raises(ValueError, match="layer 'fc2' .*choose tdnn6 or tdnn7"):
        extract(tmp_path, layer="fc2")
    with pytest.raises(ValueError, match="--layer is needed"):
        extract(tmp_path, layer="")
    with pytest.raises(ValueError, match="--job 3 --num-jobs 2"):
        extract(tmp_path, "out", "--job", "3", "--num-jobs", "2")
    with pytest.raises(ValueError, match="chunk_frames must be at least 1"):
        extract(tmp_path, "out", "--chunk-frames", "0")
    (corpus[0] / "vad.scp").unlink()
    with pytest.raises(FileNotFoundError, match="vad.scp: no such file: run steps/compute_vad.sh first"):
        extract(tmp_path)
    (tmp_path / "exp" / "model.pt").write_bytes(b"no weights")
    without_vad = {**FRONTEND, "vad": False}
    ModelFolder(tmp_path / "exp").write_config({"model": MODEL, "frontend": without_vad, "input_dim": 10})
    with pytest.raises(ValueError, match="model.pt: no readable file of weights"):
        extract(tmp_path)


def test_a_finished_job_is_not_done_again(corpus, tmp_path, capsys):
    data, features, voiced = corpus
    stamp = ("--stamp", str(tmp_path / "done.json"))
    extract(tmp_path, "out", *stamp)
    capsys.readouterr()
    extract(tmp_path, "out", *stamp)
    assert "complete already" in capsys.readouterr().out
    features["u003"] = features["u003"] + 1
    write_data(data, features, voiced)
    extract(tmp_path, "out", *stamp)
    assert "complete already" not in capsys.readouterr().out
    extract(tmp_path, "out", *stamp, layer="tdnn7")
    assert "complete already" not in capsys.readouterr().out


def test_an_error_is_one_line(corpus, tmp_path, root):
    done = subprocess.run(
        [sys.executable, "-m", "speechlib.bin.extract_embeddings", "--layer", "x", str(tmp_path), "d", "ark:-"],
        capture_output=True, text=True, cwd=root,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith("extract_embeddings: error: ") and "expected the folder of a trained" in done.stderr


@pytest.mark.parametrize(("model", "layer"), [
    ("{name: xvector, channels: [8, 8, 8, 8, 12], tdnn6: 7, tdnn7: 6}", "tdnn6"),
    ("{name: shon_cnn, channels: [8, 8, 8, 12], fc1: 9, fc2: 7}", "fc2"),
])  # fmt: skip
def test_what_train_nnet_leaves_is_taken(corpus, tmp_path, model, layer):
    from speechlib.bin import train_nnet

    data, _, _ = corpus
    write_map(data / "utt2spk", {f"u{k:03d}": f"s{k % 3}" for k in range(150)})
    (tmp_path / "conf.yaml").write_text(
        f"model: {model}\nfrontend: {{cmn: crop, deltas: 1}}\ncrops: {{frames: 30}}\nloss: {{name: am_softmax}}\n"
        "training: {batch_size: 6, num_updates: 2, tensorboard: false}\n"
    )
    train_nnet.main(["--config", str(tmp_path / "conf.yaml"), "--num-threads", "1", str(data), str(tmp_path / "exp")])
    found = extract(tmp_path, layer=layer)
    assert len(found) == 150 and all(vector.shape == (7,) for vector in found.values())
