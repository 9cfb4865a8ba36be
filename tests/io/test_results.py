"""result.json: what is written is complete and is read back; what does not fit is refused with its place."""

import hashlib
import json
import re
import statistics
import subprocess

import numpy as np
import pytest

import speechlib
from speechlib.io import results
from speechlib.io.results import command_line, current_commit, merge_seeds, read_result, write_result


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "utt2spk"
    path.write_text("a-1 a\n")
    return path


def write(path, labels, **changes):
    arguments = {
        "task": "speaker clustering",
        "metrics": {"mr_strict": {"value": 0.1, "interval": (0.0, 0.25)}, "purity": {"value": 0.9}},
        "counts": {"speakers": 5, "utterances": np.int64(10)},
        "selection": {"cut": "dev", "threshold": np.float64(0.5)},
        "labels": labels,
        "seed": 1,
    }
    write_result(path, **{**arguments, **changes})
    return path


def test_result_is_complete(tmp_path, labels, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [f"{tmp_path}/speechlib/bin/eval.py", "--x", f"{tmp_path}/exp/y"])
    result = read_result(write(tmp_path / "result.json", labels, extra={"layer": "L5", "sizes": (1, 2)}))
    assert list(result) == list(results._KEYS)
    assert result["metrics"]["mr_strict"] == {"value": 0.1, "interval": [0.0, 0.25]}
    assert result["metrics"]["purity"] == {"value": 0.9, "interval": None}
    assert result["counts"] == {"speakers": 5, "utterances": 10}
    assert result["selection"] == {"cut": "dev", "threshold": 0.5}
    assert result["labels"] == {"file": "utt2spk", "sha256": hashlib.sha256(b"a-1 a\n").hexdigest()}
    assert result["command"] == "python -m speechlib.bin.eval --x exp/y"
    assert result["version"] == speechlib.__version__
    assert result["extra"] == {"layer": "L5", "sizes": [1, 2]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", result["date"])
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", result["commit"])


def test_same_result_is_the_same_file_but_for_the_date(tmp_path, labels):
    first, second = (write(tmp_path / name, labels, command="x").read_text() for name in ("1.json", "2.json"))
    assert re.sub('"date": .*', "", first) == re.sub('"date": .*', "", second)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"selection": {}}, 'selection: expected an object with "cut": one of oracle, dev, fixed; got {}'),
        ({"selection": {"cut": "best"}}, "selection: expected.*got {'cut': 'best'}"),
        ({"metrics": {}}, "metrics: expected an object with at least one"),
        ({"metrics": {"mr": 0.5}}, "metrics.mr: expected"),
        ({"metrics": {"mr": {"value": float("nan")}}}, "metrics.mr.value: expected a finite number"),
        ({"metrics": {"mr": {"value": True}}}, "metrics.mr.value: expected a finite number"),
        ({"metrics": {"mr": {"value": 0, "interval": [1, 0]}}}, r"metrics.mr.interval: expected null or \[low, high\]"),
        ({"metrics": {"mr": {"value": 0, "interval": [1]}}}, "metrics.mr.interval"),
        ({"metrics": {"mr": {"value": 0, "valeu": 1}}}, "metrics.mr: expected value, interval and selection"),
        ({"metrics": {"mr": {"value": 0, "selection": {"cut": 1}}}}, "metrics.mr.selection: expected"),
        ({"counts": {"speakers": -1}}, "counts.speakers: expected a whole number"),
        ({"counts": {"speakers": 1.5}}, "counts.speakers: expected a whole number"),
        ({"task": ""}, "task: expected a text that is not empty"),
        ({"seed": "one"}, "seed: expected a whole number"),
        ({"seed": [1, 2.5]}, "seed: expected a whole number"),
    ],
)
def test_what_does_not_fit_is_refused_and_not_written(tmp_path, labels, changes, message):
    with pytest.raises(ValueError, match=f"result.json: {message}"):
        write(tmp_path / "result.json", labels, **changes)
    assert not (tmp_path / "result.json").exists()


def test_missing_label_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "result.json", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[: len(text) // 2], r"result.json:\d+: not JSON"),
        (lambda text: "[]", "the whole: expected an object"),
        (lambda text: text.replace('"task"', '"tusk"'), r"the keys: .*\['task'\] missing, \['tusk'\] unknown"),
        (lambda text: text.replace('"schema": 1', '"schema": 9'), "schema: expected 1"),
        (lambda text: text.replace('"cut": "dev"', '"cat": "dev"'), "selection: expected"),
        (lambda text: text.replace('"sha256"', '"md5"'), "labels: expected"),
    ],
)
def test_spoilt_files_are_refused(tmp_path, labels, spoil, message):
    path = write(tmp_path / "result.json", labels)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match=message):
        read_result(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(b'{"task": "\xff"}')
    with pytest.raises(ValueError, match="result.json:1: byte 0xff is not UTF-8"):
        read_result(path)


def seeds_of(tmp_path, labels, values, **changes):
    made = []
    for seed, value in enumerate(values):
        metrics = {"mr": {"value": value, "interval": [value - 0.1, value + 0.2]}, "purity": {"value": 1}}
        made.append(read_result(write(tmp_path / f"{seed}.json", labels, metrics=metrics, seed=seed, **changes)))
    return made


def test_seeds_are_summarised(tmp_path, labels):
    summary = merge_seeds(seeds_of(tmp_path, labels, [0.1, 0.2, 0.4]))
    assert summary["mr"]["mean"] == pytest.approx(0.7 / 3)
    assert summary["mr"]["sd"] == pytest.approx(statistics.stdev([0.1, 0.2, 0.4]))
    assert (summary["mr"]["min"], summary["mr"]["max"], summary["mr"]["num_seeds"]) == (0.1, 0.4, 3)
    assert summary["mr"]["interval"] == pytest.approx([0.7 / 3 - 0.1, 0.7 / 3 + 0.2])
    assert summary["purity"]["interval"] is None
    assert merge_seeds(seeds_of(tmp_path, labels, [0.1]))["mr"]["sd"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda other: other.update(task="verification"), "different task"),
        (lambda other: other["labels"].update(sha256="0"), "different labels"),
        (lambda other: other["selection"].update(cut="oracle"), "different selection"),
        (lambda other: other["metrics"]["mr"].update(selection={"cut": "oracle"}), "different selection"),
        (lambda other: other["metrics"].pop("mr"), "different metrics"),
        (lambda other: other.update(seed=0), "seed 0 comes more than once"),
    ],
)
def test_unlike_results_are_not_averaged(tmp_path, labels, change, message):
    made = seeds_of(tmp_path, labels, [0.1, 0.2])
    change(made[1])
    with pytest.raises(ValueError, match=message):
        merge_seeds(made)


def test_no_results_are_refused():
    with pytest.raises(ValueError, match="no result"):
        merge_seeds([])


def test_command_names_no_folder_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = command_line(
        ["/opt/speechlib/bin/x.py", f"--out={tmp_path}/exp", "--corpus", "/corpora/TIMIT", "scp:/data/a.scp", "a b"]
    )
    assert line == "python -m speechlib.bin.x --out=exp --corpus .../TIMIT scp:.../a.scp 'a b'"


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_commit_says_whether_code_was_modified(tmp_path, monkeypatch):
    for folder in ("speechlib", "egs/timit/results"):
        (tmp_path / folder).mkdir(parents=True)
    files = [tmp_path / name for name in ("speechlib/__init__.py", "egs/timit/results/r.json", "egs/timit/RESULTS.md")]
    for file in files:
        file.write_text("1\n")
    monkeypatch.setattr(speechlib, "__file__", str(files[0]))
    assert current_commit() == "unknown"
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    clean = current_commit()
    assert re.fullmatch("[0-9a-f]{40}", clean)
    files[1].write_text("2\n")
    files[2].write_text("2\n")
    (tmp_path / "untracked").write_text("2\n")
    assert current_commit() == clean
    files[0].write_text("2\n")
    assert current_commit() == f"{clean}-dirty"


def test_commit_of_a_repository_around_is_not_ours(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "speechlib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    monkeypatch.setattr(speechlib, "__file__", str(package / "__init__.py"))
    assert current_commit() == "unknown"


def test_result_file_is_valid_json_with_a_newline(tmp_path, labels):
    text = write(tmp_path / "result.json", labels).read_text()
    assert text.endswith("}\n")
    json.loads(text)
