"""Training of speaker networks from the command line, on a small made-up corpus: features and audio."""

import copy
import json
import os
import signal

import numpy as np
import pytest
import torch
import yaml

from speechlib.bin import train_nnet
from speechlib.io.checkpoints import load_state
from speechlib.io.leaks import LeakError
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table
from speechlib.io.wav_writer import write_wav

CONFIG = {
    "model": {"name": "xvector", "channels": [8, 8, 8, 8, 12], "tdnn6": 8, "tdnn7": 8},
    "frontend": {"cmn": "none", "vad": True},
    "crops": {"frames": [24, 30]},
    "held_out": {"share": 0.25},
    "training": {"batch_size": 12, "num_updates": 60, "optimizer": "sgd", "learning_rate": 0.1, "log_every": 20,
                 "tensorboard": False},
}  # fmt: skip
DIM = 6


def write_config(path, **sections) -> str:
    config = copy.deepcopy(CONFIG)
    for name, values in sections.items():
        config[name] = {**config.get(name, {}), **values} if values is not None else None
    path.write_text(yaml.safe_dump(config))
    return str(path)


def make_data(folder, speakers, utterances, seed=0, dim=DIM):
    """Speakers told apart by the coefficients that are large; every fourth frame is unvoiced."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    utt2spk = {f"{speaker}-{k}": speaker for speaker in speakers for k in range(utterances)}
    with (
        open_table(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as features,
        open_table(f"ark,scp:{folder}/vad.ark,{folder}/vad.scp") as decisions,
    ):
        for utterance, speaker in utt2spk.items():
            matrix = rng.normal(size=(rng.integers(40, 90), dim)).astype(np.float32)
            matrix[:, 2 * int(speaker[1]) % dim] += 2
            features.write(utterance, matrix)
            decisions.write(utterance, (np.arange(len(matrix)) % 4 != 0).astype(np.float32))
    write_map(folder / "utt2spk", utt2spk)
    return folder


@pytest.fixture
def corpus(tmp_path):
    """Three speakers with eight utterances each in data; two others in eval."""
    make_data(tmp_path / "data", ["s0", "s1", "s2"], 8)
    make_data(tmp_path / "eval", ["t0", "t1"], 2, seed=1)
    return tmp_path


def train(corpus, exp="exp", *options, config=None):
    config = config or write_config(corpus / "conf.yaml")
    train_nnet.main(["--config", config, "--num-threads", "1", "--device", "cpu", *options, str(corpus / "data"),
                     str(corpus / exp)])  # fmt: skip
    return corpus / exp


def same_weights(first, second) -> bool:
    first, second = (load_state(folder / "model.pt") for folder in (first, second))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_train(corpus, capsys):
    exp = train(corpus, "exp", "--check-against", str(corpus / "eval"))
    assert sorted(path.name for path in exp.iterdir()) == [
        "config.yaml", "model.pt", "train.done.json", "train.log", "training.json",
    ]  # fmt: skip
    config = yaml.safe_load((exp / "config.yaml").read_text())
    assert config["speakers"] == ["s0", "s1", "s2"] and config["input_dim"] == DIM and config["seed"] == 1
    assert config["model"]["name"] == "xvector" and config["model"]["channels"] == [8, 8, 8, 8, 12]
    assert config["frontend"]["cmn_window"] == 300 and config["loss"]["name"] == "softmax"  # resolved
    assert (config["training_utterances"], config["held_out_utterances"]) == (18, 6)
    log = [line.split("\t") for line in (exp / "train.log").read_text().splitlines()]
    assert [row[0] for row in log[1:]] == ["20", "40", "60"]
    last = dict(zip(log[0], map(float, log[-1]), strict=True))
    assert last["accuracy"] > 0.9 and last["held_out_accuracy"] > 0.9 and last["held_out_loss"] < 0.5
    report = json.loads((exp / "training.json").read_text())
    assert report["updates"] == 60 and report["samples"] == 720 and report["parameters"] == config["num_parameters"]
    assert report["cpu_seconds"] > 0 and 0 <= report["data_wait_share"] <= 1 and report["samples_per_second"] > 0

    train(corpus, "exp", "--check-against", str(corpus / "eval"))
    assert "trained already" in capsys.readouterr().err
    assert same_weights(exp, train(corpus, "again"))
    assert not same_weights(exp, train(corpus, "other", "--seed", "2"))


def make_audio(corpus):
    """Tones of each speaker as audio beside the features' directory; returns the sections for features on the fly."""
    rng = np.random.default_rng(5)
    data = corpus / "data"
    (corpus / "wav").mkdir()
    (corpus / "mfcc.conf").write_text("--num-ceps=6\n--num-mel-bins=12\n--dither=0\n--sample-frequency=8000\n")
    wav_scp = {}
    with open_table(f"ark,scp:{data}/vad.ark,{data}/vad.scp") as decisions:
        for line in (data / "utt2spk").read_text().splitlines():
            utterance, speaker = line.split()
            samples = int(rng.integers(6000, 9000))
            tone = 3000 * np.sin(2 * np.pi * (400 + 600 * int(speaker[1])) * np.arange(samples) / 8000)
            path = corpus / "wav" / f"{utterance}.wav"
            write_wav(path, (tone + rng.normal(0, 30, samples)).astype(np.int16), 8000)
            wav_scp[utterance] = str(path)
            frames = 1 + (samples - 200) // 80
            decisions.write(utterance, (np.arange(frames) % 5 != 0).astype(np.float32))
    write_map(data / "wav.scp", wav_scp)
    (data / "feats.scp").unlink()
    noises = corpus / "noises"
    for kind in ("noise", "rir"):
        (noises / kind).mkdir(parents=True)
    write_wav(noises / "noise" / "n1.wav", rng.normal(0, 500, 16000).astype(np.int16), 8000)
    response = np.zeros(800)
    response[[10, 90, 200]] = 20000, 8000, -3000
    write_wav(noises / "rir" / "r1.wav", response.astype(np.int16), 8000)
    return {
        "features": {"type": "mfcc", "config": str(corpus / "mfcc.conf")},
        "augment": {"kinds": ["reverb", "noise", "babble", "reverb+noise"], "speeds": [0.9, 1.0, 1.1]},
    }


def test_features_on_the_fly(corpus):
    sections = make_audio(corpus)
    config = write_config(corpus / "conf.yaml", **sections, training={"num_updates": 40})
    exp = train(corpus, "exp", "--noise", str(corpus / "noises"), config=config)
    resolved = yaml.safe_load((exp / "config.yaml").read_text())
    assert resolved["features"]["num_ceps"] == 6 and resolved["augment"]["bg_snrs"] == [15, 10, 8, 5]
    log = [line.split("\t") for line in (exp / "train.log").read_text().splitlines()]
    last = dict(zip(log[0], map(float, log[-1]), strict=True))
    assert last["accuracy"] > 0.6 and last["held_out_accuracy"] > 0.7  # a third by chance
    threads = write_config(corpus / "threads.yaml", **sections, training={"num_updates": 40, "loader_threads": 3})
    assert same_weights(exp, train(corpus, "threads", "--noise", str(corpus / "noises"), config=threads))


class Killed(Exception):
    """Stands for the end of the process."""


def train_until(corpus, exp, update, monkeypatch, *options, config):
    """Train and be killed at an update; checkpoints are written after every one before it."""
    original = train_nnet.TrainingLog.update

    def killing(self, number, total):
        if number == update:
            raise Killed
        original(self, number, total)

    with monkeypatch.context() as patch:
        patch.setattr(train_nnet.TrainingLog, "update", killing)
        with pytest.raises(Killed):
            train(corpus, exp, *options, config=config)
    assert load_state(corpus / exp / "checkpoint.pt")["update"] == update - 1
    assert not (corpus / exp / "model.pt").exists()


@pytest.mark.parametrize("on_the_fly", [False, True])
def test_killed_and_resumed_ends_with_the_same_weights(corpus, monkeypatch, on_the_fly):
    sections = make_audio(corpus) if on_the_fly else {"frontend": {"cmn": "crop"}}
    training = {"num_updates": 20, "checkpoint_seconds": 0, "log_every": 5, "optimizer": "adam", "learning_rate": 0.01,
                "lr_schedule": "cosine", "max_grad_norm": 1.0}  # fmt: skip
    options = ["--noise", str(corpus / "noises")] if on_the_fly else []
    config = write_config(corpus / "conf.yaml", **sections, training=training)
    whole = train(corpus, "whole", *options, config=config)
    for update in (8, 14):
        train_until(corpus, "killed", update, monkeypatch, *options, config=config)
    killed = train(corpus, "killed", *options, config=config)
    assert same_weights(whole, killed) and not (killed / "checkpoint.pt").exists()
    lines = [[line.split("\t")[k] for k in (0, 2, 3, 7, 8)] for line in (killed / "train.log").read_text().splitlines()]
    assert [line[0] for line in lines[1:]] == ["5", "10", "15", "20"]
    expected = [line.split("\t") for line in (whole / "train.log").read_text().splitlines()]
    assert lines[4] == [expected[4][k] for k in (0, 2, 3, 7, 8)]
    report = json.loads((killed / "training.json").read_text())
    assert report["updates"] == 20 and report["samples"] == 240


def test_told_to_stop_and_run_again_ends_with_the_same_weights(corpus, monkeypatch, capsys):
    config = write_config(corpus / "conf.yaml", training={"num_updates": 20, "log_every": 5, "optimizer": "adam"})
    whole = train(corpus, "whole", config=config)
    for when, number, status in ((8, signal.SIGUSR1, 75), (13, signal.SIGTERM, 143)):

        def warn(self, update, total, when=when, number=number):
            if update == when:
                os.kill(os.getpid(), number)

        with monkeypatch.context() as patch:
            patch.setattr(train_nnet.TrainingLog, "update", warn)
            with pytest.raises(SystemExit) as ended:
                train(corpus, "exp", config=config)
        assert ended.value.code == status and load_state(corpus / "exp/checkpoint.pt")["update"] == when
        assert "exp: told to stop; the same command goes on from" in capsys.readouterr().err
    assert same_weights(whole, train(corpus, "exp", config=config))


def test_snapshots(corpus, monkeypatch, capsys):
    training = {"num_updates": 9, "checkpoint_seconds": 0, "log_every": 3}
    plain = train(corpus, "plain", config=write_config(corpus / "a.yaml", training=training))
    assert list(plain.glob("model.*.pt")) == []
    config = write_config(corpus / "b.yaml", training={**training, "save_every": 4})
    train_until(corpus, "exp", 6, monkeypatch, config=config)
    exp = train(corpus, config=config)
    assert same_weights(plain, exp)
    report = json.loads((exp / "training.json").read_text())
    assert report["snapshots"] == ["model.4.pt", "model.8.pt"] and report["updates_per_epoch"] == 2
    four, eight, last = (load_state(exp / f"model{update}.pt") for update in (".4", ".8", ""))
    assert four.keys() == last.keys()
    assert not torch.equal(four["output.weight"], eight["output.weight"])
    assert not torch.equal(eight["output.weight"], last["output.weight"])
    # a schedule that does not know the end: after four updates, the weights are those of a training of four
    shorter = train(corpus, "four", "--override", "training.num_updates=4,training.lr_schedule=constant",
                    config=str(corpus / "a.yaml"))  # fmt: skip
    constant = train(corpus, "exp", "--override", "training.lr_schedule=constant", config=config)
    snapshot, whole = load_state(constant / "model.4.pt"), load_state(shorter / "model.pt")
    assert all(torch.equal(snapshot[name], whole[name]) for name in whole)
    train(corpus, "exp", config=str(corpus / "a.yaml"))
    assert "training again" in capsys.readouterr().err and list(exp.glob("model.*.pt")) == []
    with pytest.raises(ValueError, match="save_every must not be negative"):
        train(corpus, "exp", "--override", "training.save_every=-1")


def test_a_model_alone_is_a_configuration(corpus):
    (corpus / "conf.yaml").write_text("model: {name: xvector}\n")
    config, model = train_nnet.read_config(str(corpus / "conf.yaml"), "", None)
    assert (config.training.optimizer, config.training.learning_rate) == ("adam", 0.001)
    assert config.training.total_updates(10) == 1000 and config.crops.frames == 200 and model.tdnn6 == 512


def test_what_decides_the_weights(corpus, monkeypatch, capsys):
    exp = train(corpus, config=write_config(corpus / "a.yaml", training={"num_updates": 3}))
    train(corpus, config=write_config(corpus / "b.yaml", training={"num_updates": 3, "log_every": 7, "num_epochs": 9}))
    assert "trained already" in capsys.readouterr().err
    train(corpus, "exp", "--override", "training.learning_rate=0.2,crops.frames=24,26", config=str(corpus / "a.yaml"))
    assert "training again" in capsys.readouterr().err
    resolved = yaml.safe_load((exp / "config.yaml").read_text())
    assert resolved["training"]["learning_rate"] == 0.2 and resolved["crops"]["frames"] == [24, 26]
    config = write_config(corpus / "c.yaml", training={"num_updates": 9, "checkpoint_seconds": 0})
    train_until(corpus, "exp", 5, monkeypatch, config=config)
    (corpus / "data" / "utt2spk").write_text((corpus / "data" / "utt2spk").read_text().replace("s2-7 s2", "s2-7 s1"))
    train(corpus, config=config)
    assert "training from the start" in capsys.readouterr().err
    assert same_weights(exp, train(corpus, "fresh", config=config))


def test_too_much_for_memory(corpus):
    expected = train(corpus, "memory")
    assert same_weights(expected, train(corpus, "disk", "--cache-gb", "1e-6"))
    plain = write_config(corpus / "plain.yaml", frontend={"vad": False, "cmn": "crop"})
    expected = train(corpus, "plain", config=plain)
    assert same_weights(expected, train(corpus, "archives", "--cache-gb", "1e-6", config=plain))
    assert not [path for path in (corpus / "disk").iterdir() if path.name.startswith("tmp")]


def test_leaks_are_errors(corpus):
    with pytest.raises(LeakError, match="3 speakers are in training and in evaluation .s0, s1, s2"):
        train(corpus, "exp", "--check-against", str(corpus / "eval"), "--check-against", str(corpus / "data"))
    scp = dict(line.split(None, 1) for line in (corpus / "eval" / "feats.scp").read_text().splitlines())
    trained = dict(line.split(None, 1) for line in (corpus / "data" / "feats.scp").read_text().splitlines())
    write_map(corpus / "eval" / "feats.scp", {**scp, "t0-1": trained["s2-3"]})
    with pytest.raises(LeakError, match=r"exactly the features of a training utterance \(s2-3 = t0-1\)"):
        train(corpus, "exp", "--check-against", str(corpus / "eval"))
    write_map(corpus / "eval" / "wav.scp", {utterance: f"{utterance}.wav" for utterance in scp})
    write_map(corpus / "data" / "wav.scp", {**{name: f"{name}.wav" for name in trained}, "s1-1": "t1-0.wav"})
    with pytest.raises(LeakError, match=r"1 recordings are in training and in evaluation \(t1-0.wav\)"):
        train(corpus, "exp", "--check-against", str(corpus / "eval"))
    assert not (corpus / "exp").exists()


def rewrite(path, change):
    path.write_text(change(path.read_text()))


def other_features(corpus, utterance, matrix):
    with open_table(f"ark,scp:{corpus}/x.ark,{corpus}/x.scp") as writer:
        writer.write(utterance, matrix)
    entry = (corpus / "x.scp").read_text()
    rewrite(corpus / "data" / "feats.scp", lambda text: "".join(
        entry if line.startswith(f"{utterance} ") else line for line in text.splitlines(keepends=True)))  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sections", "message"),
    [
        (lambda c: rewrite(c / "data" / "feats.scp", lambda text: text.split("\n", 1)[1]), {},
         "feats.scp: no features of 1 of 24 utterances, such as s0-0"),
        (lambda c: other_features(c, "s1-4", np.ones((50, 7), np.float32)), {},
         "s1-4 has features of dimension 7, but s0-0 has 6"),
        (lambda c: other_features(c, "s1-4", np.full((50, 6), np.nan, np.float32)), {}, "s1-4 holds NaN or infinity"),
        (lambda c: other_features(c, "s1-4", np.ones((9, 6), np.float32)), {},
         "utterance s1-4: has 9 frames of features but .* voicing decisions"),
        (lambda c: rewrite(c / "data" / "utt2spk", lambda text: "".join(text.splitlines(True)[:8])), {},
         "1 speaker with usable utterances"),
        (lambda c: (c / "data" / "feats.scp").unlink(), {}, "feats.scp: no such file: make features"),
        (lambda c: (c / "data" / "vad.scp").unlink(), {}, "vad.scp: no such file: run steps/compute_vad.sh .* vad: f"),
        (lambda c: None, {"crops": {"min_frames": 500}}, "none of its 24 utterances can be trained on, each needs 500"),
        (lambda c: None, {"crops": {"frames": 9}}, "frames of the section crops: 9 frames are too few"),
        (lambda c: None, {"crops": {"frames": [30, 20]}}, r"expected|a range such as \[200, 400\]"),
        (lambda c: None, {"training": {"learning_rate": 1e30}}, "the loss is .* at update 20: lower the learning rate"),
        (lambda c: None, {"training": {"precision": "fp16"}}, "fp16 needs a GPU"),
        (lambda c: None, {"training": {"batchsize": 1}}, r"--batchsize \(did you mean --batch-size\?\)"),
        (lambda c: None, {"trainin": {"batch_size": 1}}, r"--trainin \(did you mean --training\?\)"),
        (lambda c: None, {"model": {"name": "xvektor"}}, "unknown model 'xvektor': choose one of .*xvector"),
        (lambda c: None, {"model": {"fc1": 3}}, "section model: unknown option --fc1"),
        (lambda c: None, {"loss": {"name": "am"}}, "expected one of softmax, am_softmax, aam_softmax"),
        (lambda c: None, {"augment": {"probability": 0.5}}, "the section augment needs the section features"),
        (lambda c: None, {"features": {"type": "mfc"}}, r"features of type 'mfc': expected one of .*did you mean mfcc"),
        (lambda c: None, {"features": {"type": "mfcc"}}, "wav.scp: no such file"),
    ],
)  # fmt: skip
def test_bad_input(corpus, change, sections, message):
    config = write_config(corpus / "conf.yaml", **sections)
    change(corpus)
    with pytest.raises((ValueError, OSError), match=message):
        train(corpus, config=config)
    assert not (corpus / "exp" / "model.pt").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--override", "num_updates=3"], "expected SECTION.OPTION=VALUE"),
        (["--override", "training.num_update=3"], "--num-update .did you mean --num-updates"),
        (["--seed", "-1"], "not negative"),
        (["--device", "tpu9"], "expected auto, cpu, cuda"),
        (["--check-against", "nowhere"], "nowhere: no such data directory"),
    ],
)
def test_bad_options(corpus, options, message):
    with pytest.raises((ValueError, OSError), match=message):
        train(corpus, "exp", *options)


def test_bad_audio(corpus):
    sections = make_audio(corpus)
    config = write_config(corpus / "conf.yaml", **sections)
    for options, kind in (([], "noise"), (["--noise", str(corpus / "noises" / "noise")], "reverb")):
        with pytest.raises(ValueError, match=f"{kind} is asked for, but"):
            train(corpus, "exp", *options, config=config)
    options = ["--noise", str(corpus / "noises")]
    wav = corpus / "wav" / "s1-2.wav"
    contents = wav.read_bytes()
    write_wav(wav, np.ones(4000, np.int16), 8000)
    with pytest.raises(ValueError, match="s1-2 has 48 frames of audio but .* voicing decisions"):
        train(corpus, "exp", *options, config=config)
    write_wav(wav, np.ones(4000, np.int16), 16000)
    with pytest.raises(ValueError, match="s1-2.wav has 16000 Hz where the features expect 8000 Hz"):
        train(corpus, "exp", *options, config=config)
    write_wav(wav, np.ones((4000, 2), np.int16), 8000)
    with pytest.raises(ValueError, match="has 2 channels where one is expected"):
        train(corpus, "exp", *options, config=config)
    wav.write_bytes(contents[:200])
    with pytest.raises(ValueError, match="utterance s1-2: .*the header promises"):
        train(corpus, "exp", *options, config=config)


def test_identical_audio_is_a_leak(corpus):
    config = write_config(corpus / "conf.yaml", **make_audio(corpus), training={"num_updates": 1})
    options = ["--noise", str(corpus / "noises"), "--check-against", str(corpus / "eval")]
    (corpus / "copy.wav").write_bytes((corpus / "wav" / "s1-5.wav").read_bytes())
    other = corpus / "other.wav"
    write_wav(other, np.zeros(7000, np.int16), 8000)
    write_map(corpus / "eval" / "wav.scp", {"t0-0": corpus / "copy.wav", "t0-1": other, "t1-0": other, "t1-1": "none"})
    with pytest.raises(LeakError, match=r"eval: 1 utterances of evaluation .*s1-5 = t0-0"):
        train(corpus, "exp", *options, config=config)
    write_map(corpus / "eval" / "wav.scp", {name: other for name in ("t0-0", "t0-1", "t1-0", "t1-1")})
    assert (train(corpus, "exp", *options, config=config) / "model.pt").exists()


def test_short_and_unvoiced_utterances_are_counted(corpus, capsys):
    other_features(corpus, "s0-3", np.ones((20, DIM), np.float32))
    with open_table(f"ark,scp:{corpus}/v.ark,{corpus}/v.scp") as writer:
        writer.write("s0-3", np.ones(20, np.float32))
    voiced = (corpus / "data" / "vad.scp").read_text().splitlines(keepends=True)
    voiced = [line for line in voiced if line.split()[0] not in ("s0-3", "s1-1")] + [(corpus / "v.scp").read_text()]
    (corpus / "data" / "vad.scp").write_text("".join(sorted(voiced)))
    exp = train(corpus, config=write_config(corpus / "conf.yaml", training={"num_updates": 1}))
    error = capsys.readouterr().err
    assert "2 of 24 utterances are left out: s0-3 has 20 frames behind the front end; s1-1 is not in vad.scp" in error
    resolved = yaml.safe_load((exp / "config.yaml").read_text())
    assert resolved["training_utterances"] + resolved["held_out_utterances"] == 22


def test_margin_losses_train_what_can_be_read_back(corpus):
    exp = train(corpus, config=write_config(corpus / "conf.yaml", loss={"name": "am_softmax", "scale": 10.0}))
    weights = load_state(exp / "model.pt")
    assert weights["output.weight"].shape == (3, 8) and not weights["output.bias"].any()
    log = (exp / "train.log").read_text().splitlines()
    assert float(log[-1].split("\t")[3]) > 0.9
