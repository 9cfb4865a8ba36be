"""predict, test and demo: what a kept model says of databases, of any files, on the page and by microphone."""

import csv
import json
import shutil
import socket
import sys
import types
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from speechlib.bin import demo, predict
from speechlib.bin import test as test_command
from speechlib.experiments.run import run_experiment
from speechlib.experiments.testing import run_test
from speechlib.io import demo_server
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.predictions import read_predictions
from speechlib.io.results import read_result
from speechlib.io.sample_sources import read_csv_database
from speechlib.io.wav_writer import write_wav
from tests.experiments.small_corpus import RATE, buzz, write_corpus, write_ini


def quiet(_):
    """Nobody is told."""


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two corpora without common speakers, and the folder of an experiment that kept a model of the first."""
    folder = tmp_path_factory.mktemp("kept")
    corpus = write_corpus(folder)
    write_corpus(folder, ("t1", "t2"), 2, "other")
    for target, kind in (("emotion", "classification"), ("age", "regression")):
        path = write_ini(folder, corpus, f"{target}_model", target, EXP=f"type = {kind}\nstore = {folder}/store",
                         MODEL="type = svm" if target == "emotion" else "type = lin_reg")  # fmt: skip
        run_experiment(ExperimentIni(path), quiet)
    return folder


@pytest.fixture
def kept(tmp_path, corpora):
    """Folder with a copy of it all: `ini(..)` writes an INI file of the experiment there."""
    shutil.copytree(corpora / "results", tmp_path / "results")
    return tmp_path


def ini(kept, corpora, **sections):
    """INI file of the experiment that kept a model of emotions, with more lines."""
    sections["EXP"] = f"store = {corpora}/store"
    return str(write_ini(kept, corpora / "small.csv", "emotion_model", **sections))


def other(corpora, lines=""):
    """Lines of [DATA] for a test on the other corpus."""
    return f"tests = ['other']\nother = {corpora}/other.csv\n{lines}"


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


def test_traits_of_a_database_are_a_database_again(kept, corpora, capsys):
    models = {"emotion": f"{corpora}/emotion_model.ini", "age": "age_model.ini"}
    shutil.copy(corpora / "age_model.ini", kept)
    config = ini(kept, corpora, PREDICT="targets = ['duration', 'emotion', 'age', 'speaker', 'clipping']\n"
                 f"speaker.number = 2\nmodels = {models}")  # fmt: skip
    predict.main(["--config", config])
    path = kept / "results/emotion_model/predicted.csv"
    assert f"predict: {path}: traits" in capsys.readouterr().err
    table = read_csv_database("again", path)
    assert list(table.columns) == ["speaker", "gender", "emotion", "age", "duration_pred", "emotion_pred", "age_pred",
                                   "speaker_pred", "clipping_pred"]  # fmt: skip
    columns = table.columns
    assert columns["duration_pred"][:3] == ["0.6", "0.65", "0.7"] and set(columns["clipping_pred"]) == {"0"}
    assert columns["emotion_pred"] == columns["emotion"] and set(columns["speaker_pred"]) == {"speaker1", "speaker2"}
    ages = np.array([columns["age"], columns["age_pred"]], float)
    np.testing.assert_allclose(ages[1, :18], ages[0, :18], atol=0.1)  # more columns than samples: learned by heart


@pytest.mark.parametrize(
    "lines, message",
    [
        ("targets = ['durations']", r"targets: unknown trait 'durations' \(did you mean duration\?\); known are"),
        ("targets = []", r"\[PREDICT\] targets: no trait to predict"),
        ("targets = ['mood']\nmodels = {'mood': 'x.ini'}", r"\[PREDICT\] models: there is no file x.ini"),
        ("sample_selection = dev", "unknown or unsupported value 'dev'"),
    ],
)
def test_traits_that_cannot_be_predicted(kept, corpora, lines, message):
    with pytest.raises(ValueError, match=message):
        predict.main(["--config", ini(kept, corpora, PREDICT=lines)])
    assert not (kept / "results/emotion_model/predicted.csv").exists()


def test_any_files_are_labelled_and_the_unusable_ones_listed(kept, corpora, capsys):
    config, folder = ini(kept, corpora), kept / "files"
    stereo = np.stack([buzz(115, 0.8, 1), buzz(245, 0.8, 2)], 1).astype(np.int16)
    folder.mkdir()
    import soundfile

    soundfile.write(folder / "stereo.wav", stereo, RATE)
    write_wav(folder / "b.wav", buzz(246, 0.7, 3), RATE)
    predict.main(["--config", config, "--folder", str(folder), "--outfile", "-"])
    rows = rows_of(capsys.readouterr().out)
    assert [(row["file"], row["predicted"]) for row in rows] == [
        (f"{folder}/b.wav", "angry"), (f"{folder}/stereo.wav", "calm")
    ]  # fmt: skip
    assert list(rows[0]) == ["file", "predicted", "angry", "calm"]
    assert float(rows[0]["angry"]) + float(rows[0]["calm"]) == pytest.approx(1)

    (folder / "text.wav").write_text("no audio")
    (kept / "list.txt").write_text(f"{folder}/b.wav\n\n{folder}/text.wav\n{folder}/gone.wav\n")
    with pytest.raises(ValueError) as caught:
        predict.main(["--config", config, "--list", str(kept / "list.txt")])
    message = str(caught.value)
    assert message.startswith("2 of 3 files cannot be judged:") and "text, not audio" in message and "gone" in message
    written = (kept / "results/emotion_model/labelled.csv").read_text()
    assert [row["file"] for row in rows_of(written)] == [f"{folder}/b.wav"]


def test_numbers_of_files(kept, corpora, capsys):
    config = str(write_ini(kept, corpora / "small.csv", "age_model", "age", EXP="type = regression"))
    file = str(corpora / "small/s1_calm0.wav")
    predict.main(["--config", config, "--file", file, "--outfile", "-"])
    (row,) = rows_of(capsys.readouterr().out)
    assert list(row) == ["file", "predicted"] and float(row["predicted"]) == pytest.approx(21.1, abs=0.1)
    demo.main(["--config", config, "--file", file, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"file": file, "target": "age", "predicted": pytest.approx(21.1, abs=0.1)}
    demo.main(["--config", config, "--file", file])
    assert capsys.readouterr().out.startswith(f"{file}: age 21.")
    with pytest.raises(ValueError, match="the web page shows classes, this is a regression: judge files with --file"):
        demo.main(["--config", config])


def test_arguments_that_do_not_go_together(kept, corpora):
    config = ini(kept, corpora)
    with pytest.raises(ValueError, match="--outfile is for files that are labelled: give --file, --folder or --list"):
        predict.main(["--config", config, "--outfile", "x.csv"])
    with pytest.raises(ValueError, match="--microphone goes without --file, --folder and --list"):
        demo.main(["--config", config, "--file", "x.wav", "--microphone"])
    with pytest.raises(ValueError, match="--port 65536: expected a number from 0, for any that is free, to 65535"):
        demo.main(["--config", config, "--port", "65536"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(ValueError, match=f"--port {port}: Address already in use; choose another one, or 0"):
            demo.main(["--config", config, "--port", port])
    with pytest.raises(ValueError, match="--seconds 0: expected a time from 0 to 300"):
        demo.main(["--config", config, "--microphone", "--seconds", "0"])


@pytest.mark.parametrize("command", [predict, demo])
def test_without_a_model_nothing_is_labelled(tmp_path, corpora, command):
    config = write_ini(tmp_path, corpora / "small.csv")
    with pytest.raises(FileNotFoundError, match=r"exp/model: no model here: run the experiment with save = True"):
        command.main(["--config", str(config), "--file", str(corpora / "small/s1_calm0.wav")])


def test_another_database_is_scored_as_an_experiment_is(kept, corpora, capsys):
    test_command.main(["--config", ini(kept, corpora, DATA=other(corpora), PLOT="format = svg")])
    folder = kept / "results/emotion_model/test_other"
    result, table = read_result(folder / "result.json"), read_predictions(folder / "predictions.csv")
    assert result["uar"] == result["accuracy"] == result["f1_macro"] == 1.0 and result["ci95"]["uar"] == [1.0, 1.0]
    assert result["counts"] == {"samples": 8, "speakers": 2, "folds": 1, "classes": 2, "runs": 1}
    assert result["extra"]["tests"] == ["other"] and result["extra"]["trained_on"] == 18 and result["leaks"] == []
    assert table.truth == table.predicted == ["angry"] * 2 + ["calm"] * 2 + ["angry"] * 2 + ["calm"] * 2
    assert "Experiment emotion_model/test_other" in (folder / "report.html").read_text()
    assert "8 samples, 2 speakers: angry 4, calm 4" in capsys.readouterr().err


def test_labels_that_the_model_does_not_know(kept, corpora):
    mapping = "other.mapping = {'calm': 'calm', 'angry': 'furious'}"
    with pytest.raises(ValueError, match=r"\[DATA\] target: the model knows angry, calm; the test has furious, too"):
        run_test(ExperimentIni(ini(kept, corpora, DATA=other(corpora, mapping))), quiet)
    with pytest.raises(ValueError, match=r"\[DATA\] target: no sample of the test has a label emotion that the model"):
        run_test(ExperimentIni(ini(kept, corpora, DATA=other(corpora, "other.mapping = {'x': 'calm'}"))), quiet)
    half = "other.mapping = {'calm': 'calm', 'angry': 'furious'}\nlabels = ['angry', 'calm']"
    run_test(ExperimentIni(ini(kept, corpora, DATA=other(corpora, half))), quiet)
    result = read_result(kept / "results/emotion_model/test_other/result.json")
    assert result["counts"]["samples"] == 4 and result["uar"] == 1.0  # of the classes that occur
    assert "4 of 8 samples without such a label are left out" in result["extra"]["notes"]


def test_a_test_on_the_training_is_none(kept, corpora):
    same = "tests = ['small']\n"
    again = f"tests = ['again']\nagain = {corpora}/small.csv"
    with pytest.raises(ValueError) as caught:
        run_test(ExperimentIni(ini(kept, corpora, DATA=again)), quiet)
    message = str(caught.value)
    assert "identical_audio: the model was trained on recordings of the test" in message
    assert "shared_speakers: the model was trained on speakers of the test: s1, s2, s3" in message
    assert not (kept / "results/emotion_model/test_again").exists()
    allowed = f"{again}\nallow_leak = ['identical_audio', 'shared_speakers']"
    run_test(ExperimentIni(ini(kept, corpora, DATA=allowed)), quiet)
    result = read_result(kept / "results/emotion_model/test_again/result.json")
    assert result["leaks"] == ["identical_audio", "shared_speakers"] and result["counts"]["samples"] == 24
    run_test(ExperimentIni(ini(kept, corpora, DATA=same)), quiet)  # its own test part
    assert read_result(kept / "results/emotion_model/test_small/result.json")["counts"]["samples"] == 6


@pytest.mark.parametrize(
    "lines, target, message",
    [
        ("", "emotion", r"\[DATA\] tests: no database to test on"),
        ("OTHER", "gender", r"\[DATA\] target: the model predicts emotion: set it so"),
        ("OTHERother.split_strategy = train", "emotion", r"other.split_strategy: it leaves no sample for the test"),
    ],
)
def test_tests_that_cannot_be(kept, corpora, lines, target, message):
    text = lines.replace("OTHER", other(corpora))
    config = write_ini(kept, corpora / "small.csv", "emotion_model", target, DATA=text)
    with pytest.raises(ValueError, match=message):
        run_test(ExperimentIni(str(config)), quiet)


def test_numbers_are_tested_too(kept, corpora):
    lines = other(corpora, "other.scale = True")
    config = write_ini(kept, corpora / "small.csv", "age_model", "age", DATA=lines,
                       EXP=f"type = regression\nstore = {corpora}/store")  # fmt: skip
    with pytest.raises(ValueError, match="target_scaling: the target of other is standardised over the test"):
        run_test(ExperimentIni(str(config)), quiet)
    config.write_text(config.read_text().replace("other.scale = True", ""))
    run_test(ExperimentIni(str(config)), quiet)
    result = read_result(kept / "results/age_model/test_other/result.json")
    assert {"ccc", "pcc", "mae"} <= set(result) and result["task"] == "age regression"


def test_bars_and_lines_of_json(kept, corpora, capsys):
    config, file = ini(kept, corpora), str(corpora / "small/s4_calm0.wav")
    demo.main(["--config", config, "--file", file])
    head, angry, calm = capsys.readouterr().out.splitlines()
    assert head == f"{file}: emotion calm"
    share = float(calm.split()[-1].rstrip("%")) / 100
    assert calm.startswith("  calm   #") and abs(calm.count("#") - 40 * share) <= 0.6
    assert angry.count("#") + calm.count("#") in (39, 40, 41)
    with pytest.raises(ValueError, match="1 of 2 files cannot be judged"):
        demo.main(["--config", config, "--file", file, "--file", "gone.wav", "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    answer = json.loads(line)
    assert answer["predicted"] == "calm" and answer["classes"]["calm"] == pytest.approx(share, abs=1e-3)


def test_the_page_has_examples_that_the_model_does_not_know(kept, corpora, monkeypatch, capsys):
    seen = {}

    def visit(server):
        with urllib.request.urlopen(f"{server.url}about", timeout=20) as answer:
            seen.update(json.load(answer))
        asked = urllib.request.Request(f"{server.url}predict?example=0", b"", {"Content-Type": "audio/wav"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            seen["said"] = json.load(answer)

    monkeypatch.setattr(demo_server.DemoServer, "wait", visit)
    demo.main(["--config", ini(kept, corpora)])
    assert seen["title"] == "emotion_model: emotion" and len(seen["examples"]) == 6
    assert seen["examples"][:2] == ["s4_angry0.wav", "s4_calm0.wav"]
    assert seen["said"]["predicted"] == "angry" and set(seen["said"]["classes"]) == {"angry", "calm"}
    assert "http://127.0.0.1:" in capsys.readouterr().err

    config = write_ini(kept, corpora / "gone.csv", "emotion_model")
    monkeypatch.setattr(demo_server.DemoServer, "wait", lambda server: seen.update(last=server._http.demo.examples))
    demo.main(["--config", str(config)])
    assert seen["last"] == [] and "note: no examples, since the data cannot be read: " in capsys.readouterr().err


@contextmanager
def sounddevice(**functions):
    """A package sounddevice with such functions."""
    module = types.ModuleType("sounddevice")
    module.PortAudioError = type("PortAudioError", (Exception,), {})
    for name, function in functions.items():
        setattr(module, name, function)
    before = sys.modules.get("sounddevice")
    sys.modules["sounddevice"] = module
    try:
        yield module
    finally:
        if before is None:
            del sys.modules["sounddevice"]
        else:
            sys.modules["sounddevice"] = before


def test_a_microphone(kept, corpora, capsys, monkeypatch):
    config = ini(kept, corpora)
    asked = {}

    def record(frames, samplerate, channels, dtype, blocking):
        asked.update(frames=frames, rate=samplerate, channels=channels, dtype=dtype, blocking=blocking)
        return buzz(118, frames / samplerate, 1).astype(np.int16)[:, None]

    with sounddevice(rec=record, check_input_settings=lambda **_: None):
        demo.main(["--config", config, "--microphone", "--seconds", "0.75"])
    out, err = capsys.readouterr()
    assert out.startswith("microphone: emotion calm") and "speak: recording for 0.75 s" in err
    assert asked == {"frames": 12000, "rate": 16000, "channels": 1, "dtype": "int16", "blocking": True}

    def no_device(**_):
        raise sys.modules["sounddevice"].PortAudioError("no default input device")

    with sounddevice(check_input_settings=no_device), pytest.raises(ValueError, match="no microphone can be used"):
        demo.main(["--config", config, "--microphone"])
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ImportError, match=r"--microphone needs the package sounddevice \(MIT\)"):
        demo.main(["--config", config, "--microphone"])
