"""Training, extraction and identification from the command line, on a small made-up corpus."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml

from speechlib.bin import extract_snippets, identify_speakers, train_snippet_cnn
from speechlib.io.checkpoints import load_state
from speechlib.io.leaks import LeakError
from speechlib.io.maps import write_map
from speechlib.io.results import read_result
from speechlib.io.tables import RandomAccessTable, open_table

CONFIG = {
    "model": {"bins": 12, "frames": 10, "channels": [3, 4], "filter": [3, 3], "pool": [2, 2], "pool_stride": [2, 2],
              "hidden": [6, 4], "input_norm": "bins"},
    "training": {"batch_size": 16, "num_updates": 150, "learning_rate": 0.03, "log_every": 50, "tensorboard": False},
}  # fmt: skip


def write_config(path, **training) -> str:
    config = {**CONFIG, "training": {**CONFIG["training"], **training}}
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.fixture
def corpus(tmp_path):
    """Three speakers with four sentences each: data/all, the lists train and test, data/test."""
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    utt2spk = {f"s{speaker}-{k}": f"s{speaker}" for speaker in range(3) for k in range(4)}
    with open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as writer:
        for utterance, speaker in utt2spk.items():
            matrix = rng.normal(size=(rng.integers(25, 60), 12)).astype(np.float32)
            matrix[:, 4 * int(speaker[1]) : 4 * int(speaker[1]) + 4] += 2
            writer.write(utterance, matrix)
    write_map(data / "utt2spk", utt2spk)
    (tmp_path / "train").write_text("".join(f"{utt}\n" for utt in utt2spk if utt[-1] in "01"))
    (tmp_path / "test").write_text("".join(f"{utt}\n" for utt in utt2spk if utt[-1] in "23"))
    (tmp_path / "eval").mkdir()
    scp = dict(line.split(None, 1) for line in (data / "feats.scp").read_text().splitlines())
    for name, table in (("utt2spk", utt2spk), ("feats.scp", scp)):
        write_map(tmp_path / "eval" / name, {utt: value for utt, value in table.items() if utt[-1] in "23"})
    return tmp_path


def train(corpus, exp="exp", *options, config=None):
    config = config or write_config(corpus / "conf.yaml")
    train_snippet_cnn.main(
        ["--config", config, "--sentences", str(corpus / "train"), "--num-threads", "1", "--device", "cpu", *options,
         str(corpus / "data"), str(corpus / exp)]
    )  # fmt: skip
    return corpus / exp


def same_weights(first, second) -> bool:
    first, second = load_state(first), load_state(second)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_train_extract_identify(corpus, capsys):
    exp = train(corpus, "exp", "--seeds", "1 2", "--check-against", str(corpus / "eval"))
    model = exp / "seed2"
    assert sorted(path.name for path in model.iterdir()) == ["config.yaml", "model.pt", "train.done.json", "train.log"]
    config = yaml.safe_load((model / "config.yaml").read_text())
    assert config["speakers"] == ["s0", "s1", "s2"] and config["seed"] == 2
    assert config["model"]["dropout"] == 0.5 and config["training"]["momentum"] == 0.9  # resolved
    log = [line.split("\t") for line in (model / "train.log").read_text().splitlines()]
    assert log[0][:4] == ["update", "epoch", "loss", "accuracy"] and [row[0] for row in log[1:]] == ["50", "100", "150"]
    assert float(log[-1][3]) > 0.9
    assert not same_weights(exp / "seed1" / "model.pt", model / "model.pt")

    out = corpus / "snippets"
    out.mkdir()
    extract = [f"scp:{corpus}/eval/feats.scp", str(model), f"ark,scp:{out}/LAYER.ark,{out}/LAYER.scp"]
    extract_snippets.main(["--num-threads", "1", "--stamp", str(out / "done"), *extract])
    features = RandomAccessTable(f"scp:{corpus}/eval/feats.scp")
    layers = {layer: RandomAccessTable(f"scp:{out}/{layer}.scp") for layer in ("L5", "L7", "L8")}
    for utterance, matrix in features.items():
        snippets = (len(matrix) - 1) // 10
        assert [layers[layer][utterance].shape for layer in layers] == [(snippets, 18), (snippets, 12), (snippets, 3)]
        np.testing.assert_allclose(layers["L8"][utterance].sum(axis=1), 1, atol=1e-5)
    before = (out / "L5.ark").stat().st_mtime_ns
    extract_snippets.main(["--num-threads", "1", "--stamp", str(out / "done"), *extract])
    assert (out / "L5.ark").stat().st_mtime_ns == before and "complete already" in capsys.readouterr().out
    (out / "L7.ark").write_bytes(b"half")
    extract_snippets.main(["--num-threads", "1", "--stamp", str(out / "done"), *extract])
    assert len(RandomAccessTable(f"scp:{out}/L7.scp")["s0-2"]) > 0

    identify_speakers.main(["--model-config", str(model / "config.yaml"), "--tag", "set=eval", str(corpus / "eval"),
                            f"scp:{out}/L8.scp", str(corpus / "ident")])  # fmt: skip
    result = read_result(corpus / "ident" / "result.json")
    assert result["metrics"]["accuracy_arithmetic"]["value"] == 1.0
    assert {f"{kind}accuracy_{pooling}" for kind in ("", "sentence_") for pooling in
            ("arithmetic", "geometric", "maximum")} == set(result["metrics"])  # fmt: skip
    assert result["counts"]["groups"] == 3 and result["counts"]["utterances"] == 6 and result["seed"] == 2
    assert result["extra"] == {"filter": "3x3", "pool": "2x2", "pool_stride": "2x2", "set": "eval"}
    assert (corpus / "ident" / "decisions").read_text() == "s0 s0\ns1 s1\ns2 s2\n"
    scores = [line.split() for line in (corpus / "ident" / "scores").read_text().splitlines()]
    pooled = np.concatenate([layers["L8"]["s0-2"], layers["L8"]["s0-3"]]).mean(axis=0)
    assert [row[:2] for row in scores[:3]] == [["s0", "s0"], ["s0", "s1"], ["s0", "s2"]]
    np.testing.assert_allclose([float(row[2]) for row in scores[:3]], pooled, rtol=1e-5)


def test_seeds_are_shared_among_jobs_and_do_not_depend_on_them(corpus):
    together = train(corpus, "together", "--seeds", "3,4,5")
    for job in ("1", "2"):
        train(corpus, "apart", "--seeds", "3 4 5", "--job", job, "--num-jobs", "2")
    for seed in (3, 4, 5):
        assert same_weights(together / f"seed{seed}" / "model.pt", corpus / "apart" / f"seed{seed}" / "model.pt")


def start_training(corpus, config) -> subprocess.Popen:
    command = [sys.executable, "-m", "speechlib.bin.train_snippet_cnn", "--config", config, "--seeds", "1",
               "--sentences", str(corpus / "train"), "--num-threads", "1", "--device", "cpu",
               str(corpus / "data"), str(corpus / "killed")]  # fmt: skip
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(train_snippet_cnn.__file__))))
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.DEVNULL)


def test_killed_and_resumed_ends_with_the_same_weights(corpus):
    whole = train(corpus, "whole", config=write_config(corpus / "whole.yaml", num_updates=600))
    often = write_config(corpus / "often.yaml", num_updates=600, checkpoint_seconds=0, log_every=7)
    folder = corpus / "killed" / "seed1"
    updates = []
    for number, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGUSR1, 75)):
        before = (folder / "checkpoint.pt").stat().st_mtime_ns if (folder / "checkpoint.pt").exists() else 0
        process = start_training(corpus, often)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (folder / "checkpoint.pt").exists() and (folder / "checkpoint.pt").stat().st_mtime_ns > before:
                break
            time.sleep(0.002)
        time.sleep(0.05)  # somewhere in the middle of updates and of writing checkpoints
        os.kill(process.pid, number)
        assert process.wait() == status
        assert not (folder / "model.pt").exists()
        updates.append(load_state(folder / "checkpoint.pt")["update"])
    assert 0 < updates[0] < updates[1] < 600
    train(corpus, "killed", config=write_config(corpus / "rest.yaml", num_updates=600, log_every=7))
    assert same_weights(whole / "seed1" / "model.pt", folder / "model.pt")
    assert not (folder / "checkpoint.pt").exists()
    logged = [int(line.split("\t")[0]) for line in (folder / "train.log").read_text().splitlines()[1:]]
    assert logged == sorted(set(logged)) and logged[-1] == 600


def test_a_finished_model_is_kept_until_something_changes(corpus, capsys):
    exp = train(corpus)
    first = (exp / "seed1" / "model.pt").stat().st_mtime_ns
    train(corpus, config=write_config(corpus / "other.yaml", log_every=9, checkpoint_seconds=7))
    assert (exp / "seed1" / "model.pt").stat().st_mtime_ns == first
    assert "trained already" in capsys.readouterr().err
    train(corpus, config=write_config(corpus / "other.yaml", learning_rate=0.02))
    assert "training again" in capsys.readouterr().err
    second = (exp / "seed1" / "model.pt").stat().st_mtime_ns
    assert second > first
    (corpus / "train").write_text("s0-0\ns1-0\ns2-0\n")  # other data
    train(corpus, config=str(corpus / "other.yaml"))
    assert (exp / "seed1" / "model.pt").stat().st_mtime_ns > second
    (exp / "seed1" / "model.pt").unlink()
    train(corpus, config=str(corpus / "other.yaml"))
    assert (exp / "seed1" / "model.pt").exists()


def test_a_checkpoint_of_another_configuration_is_not_resumed(corpus, capsys, monkeypatch):
    def die(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(train_snippet_cnn.ModelFolder, "save_weights", die)
        with pytest.raises(OSError, match="disk full"):
            train(corpus, config=write_config(corpus / "a.yaml", num_updates=3, checkpoint_seconds=0))
    assert (corpus / "exp" / "seed1" / "checkpoint.pt").exists()
    train(corpus, config=write_config(corpus / "b.yaml", num_updates=4, learning_rate=0.5))
    assert "training from the start" in capsys.readouterr().err
    train(corpus, "fresh", config=str(corpus / "b.yaml"))
    assert same_weights(corpus / "exp" / "seed1" / "model.pt", corpus / "fresh" / "seed1" / "model.pt")


def test_filter_options_replace_the_configurations(corpus):
    config = write_config(corpus / "short.yaml", num_updates=1)
    exp = train(corpus, "exp", "--filter", "2,3", "--pool", "1,2", "--pool-stride", "1,2", config=config)
    model = yaml.safe_load((exp / "seed1" / "config.yaml").read_text())["model"]
    assert (model["filter"], model["pool"], model["pool_stride"]) == ([2, 3], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="--filter 2,30: L1 filter of 2 x 30 .* is larger than its input of 12 x 10"):
        train(corpus, "exp", "--filter", "2,30")
    with pytest.raises(ValueError, match="--filter"):
        train(corpus, "exp", "--filter", "2")


def test_precision_option_replaces_the_configurations(corpus):
    config = write_config(corpus / "short.yaml", num_updates=1)
    exp = train(corpus, "exp", "--precision", "bf16", config=config)
    resolved = yaml.safe_load((exp / "seed1" / "config.yaml").read_text())
    assert (resolved["training"]["precision"], resolved["training"]["num_updates"]) == ("bf16", 1)
    with pytest.raises(ValueError, match="--precision bf17: .*fp32.*bf16"):
        train(corpus, "exp", "--precision", "bf17")


def test_tensorboard_events(corpus):
    pytest.importorskip("tensorboard")
    exp = train(corpus, config=write_config(corpus / "conf.yaml", num_updates=2, tensorboard=True))
    assert any((exp / "seed1" / "tensorboard").iterdir())


def test_leaks_are_errors(corpus):
    with pytest.raises(LeakError, match="6 utterances are in training and in evaluation"):
        train(corpus, "exp", "--check-against", str(corpus / "train"))
    train(corpus, "exp", "--check-against", str(corpus / "test"), config=write_config(corpus / "c", num_updates=1))
    with pytest.raises(LeakError, match="3 speakers are in training"):
        train(corpus, "exp", "--check-against", str(corpus / "eval"), "--unseen-speakers", "true")
    scp = dict(line.split(None, 1) for line in (corpus / "eval" / "feats.scp").read_text().splitlines())
    trained = dict(line.split(None, 1) for line in (corpus / "data" / "feats.scp").read_text().splitlines())
    write_map(corpus / "eval" / "feats.scp", {**scp, "s1-2": trained["s1-1"]})
    with pytest.raises(LeakError, match=r"exactly the features of a training utterance \(s1-1 = s1-2\)"):
        train(corpus, "exp", "--check-against", str(corpus / "eval"))
    write_map(corpus / "data" / "utt2session", {f"s{s}-{k}": f"s{s}-{k // 2}" for s in range(3) for k in range(4)})
    write_map(corpus / "eval" / "feats.scp", scp)
    train(corpus, "exp", "--check-against", str(corpus / "test"), config=str(corpus / "c"))
    write_map(corpus / "data" / "utt2session", {f"s{s}-{k}": f"s{s}-{k % 2}" for s in range(3) for k in range(4)})
    with pytest.raises(LeakError, match="6 sessions are in training"):
        train(corpus, "exp", "--check-against", str(corpus / "test"))
    assert not (corpus / "exp" / "seed2").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: (c / "conf.yaml").write_text("model: {filtre: [4, 4]}\n"), r"--filtre \(did you mean --filter\?\)"),
        (lambda c: (c / "conf.yaml").write_text("trainin: {}\n"), r"--trainin \(did you mean --training\?\)"),
        (lambda c: (c / "conf.yaml").write_text("training: {precision: fp8}\n"), "'fp8': expected one of fp32, bf16"),
        (lambda c: (c / "conf.yaml").write_text("model: {bins: 128}\n"), "12 bins; expected at least one frame of 128"),
        (lambda c: (c / "train").write_text("s0-0\ns9-9\n"), "1 training utterances are not there, such as s9-9"),
        (lambda c: (c / "train").write_text("s0-0\ns0-1\n"), "at least 2 of them, got 1"),
        (lambda c: (c / "data" / "feats.scp").unlink(), "feats.scp: no such file: make features with steps/make_feats"),
        (lambda c: (c / "data" / "feats.scp").write_text("s0-0 x.ark:1\n"), "x.ark"),
    ],
)
def test_bad_input(corpus, change, message):
    config = write_config(corpus / "conf.yaml")
    change(corpus)
    with pytest.raises((ValueError, OSError), match=message):
        train(corpus, config=config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "1 1"], "different whole numbers"),
        (["--seeds", "one"], "different whole numbers"),
        (["--job", "3", "--num-jobs", "2"], "1 <= job <= num-jobs"),
        (["--device", "tpu9"], "expected auto, cpu, cuda"),
    ],
)
def test_bad_options(corpus, options, message):
    with pytest.raises(ValueError, match=message):
        train(corpus, "exp", *options)


def test_errors_of_identification(corpus):
    out = corpus / "posteriors"
    out.mkdir()
    with open_table(f"ark,scp:{out}/L8.ark,{out}/L8.scp") as writer:
        for utterance in ("s0-2", "s1-2"):
            writer.write(utterance, np.full((2, 2), 0.5, dtype=np.float32))
    (corpus / "model.yaml").write_text(json.dumps({"speakers": ["s0", "s1", "s2"], "seed": 1}))
    (corpus / "two.yaml").write_text(json.dumps({"speakers": ["s0", "s1"], "seed": 1}))

    def identify(data, model="model.yaml", *options):
        identify_speakers.main(["--model-config", str(corpus / model), *options, str(data), f"scp:{out}/L8.scp",
                                str(corpus / "ident")])  # fmt: skip

    with pytest.raises(ValueError, match="no posteriors of 4 utterances, such as s0-3"):
        identify(corpus / "eval")
    with pytest.raises(ValueError, match="1 speakers are not among the network's, such as s2"):
        identify(corpus / "eval", "two.yaml")
    write_map(corpus / "eval" / "utt2spk", {"s0-2": "s0", "s1-2": "s1"})
    with pytest.raises(ValueError, match=r"s0-2 has shape \(2, 2\); expected \(snippets, 3\)"):
        identify(corpus / "eval")
    write_map(corpus / "groups", {"s0-2": "g", "s1-2": "g"})
    with pytest.raises(ValueError, match="group g has utterances of s0 and of s1"):
        identify(corpus / "eval", "two.yaml", "--utt2group", str(corpus / "groups"))


def test_extraction_refuses_what_does_not_fit(corpus):
    exp = train(corpus, config=write_config(corpus / "c", num_updates=1))
    wide = corpus / "wide.ark"
    with open_table(f"ark:{wide}") as writer:
        writer.write("u", np.zeros((20, 13), dtype=np.float32))
    target = f"ark:{corpus}/LAYER.ark"
    with pytest.raises(ValueError, match="u is 20 frames x 13 bins; the network takes .* 12 bins"):
        extract_snippets.main([f"ark:{wide}", str(exp / "seed1"), target])
    assert not (corpus / "L5.ark").exists()
    with pytest.raises(ValueError, match="expected some of L5, L7, L8"):
        extract_snippets.main(["--layers", "L6", f"ark:{wide}", str(exp / "seed1"), target])
    with pytest.raises(ValueError, match="need the word LAYER"):
        extract_snippets.main([f"ark:{wide}", str(exp / "seed1"), f"ark:{corpus}/x.ark"])
    with pytest.raises(FileNotFoundError, match="expected the folder of a trained model"):
        extract_snippets.main([f"ark:{wide}", str(corpus), target])
