"""Stamps: what makes a job complete, and what makes it be redone."""

import os

import pytest

import speechlib
from speechlib.io.stamps import Stamp, archive_states


@pytest.fixture
def job(tmp_path):
    for name in ("in1", "in2", "out"):
        (tmp_path / name).write_text(name)
    inputs, outputs = [tmp_path / "in1", tmp_path / "in2"], [tmp_path / "out"]
    arguments = [tmp_path / "stamp", inputs, {"rate": 16000, "b": None}, outputs]
    Stamp(*arguments).finish()
    return arguments


def test_unchanged_job_is_complete(job):
    assert Stamp(*job).is_complete()
    stamp, inputs, options, outputs = job
    assert Stamp(stamp, inputs, dict(reversed(options.items())), outputs).is_complete()


def test_every_change_is_seen(job, monkeypatch):
    stamp, inputs, options, outputs = job
    assert not Stamp(stamp, inputs, options | {"rate": 8000}, outputs).is_complete()
    assert not Stamp(stamp, inputs[::-1], options, outputs).is_complete()
    assert not Stamp(stamp, inputs[:1], options, outputs).is_complete()
    assert not Stamp(stamp, inputs, options, [*outputs, inputs[0]]).is_complete()
    assert not Stamp(stamp.with_name("none"), inputs, options, outputs).is_complete()
    monkeypatch.setattr(speechlib, "__version__", "other")
    assert not Stamp(*job).is_complete()


def test_changed_files_are_seen(job):
    stamp, inputs, options, outputs = job
    inputs[0].write_text("IN1")
    assert not Stamp(*job).is_complete()
    inputs[0].write_text("in1")
    assert Stamp(*job).is_complete()
    outputs[0].write_text("longer")
    assert not Stamp(*job).is_complete()
    outputs[0].unlink()
    assert not Stamp(*job).is_complete()
    with pytest.raises(FileNotFoundError):
        Stamp(*job).finish()


def test_inputs_count_as_they_were_before_the_work(job):
    stamp, inputs, *_ = job
    inputs[0].write_text("IN1")
    work = Stamp(*job)
    work.begin()
    assert not stamp.exists()  # from here on outputs of the same size may be of either kind
    inputs[0].write_text("in1")
    work.finish()
    assert not Stamp(*job).is_complete()
    inputs[0].write_text("IN1")
    assert Stamp(*job).is_complete()
    inputs[0].unlink()
    with pytest.raises(FileNotFoundError, match="in1"):
        Stamp(*job).finish()


def test_text_moved_between_inputs_is_seen(job):
    stamp, inputs, options, outputs = job
    inputs[0].write_text("in")
    inputs[1].write_text("1in2")
    assert not Stamp(*job).is_complete()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0"])
def test_damaged_stamp_means_redo(job, text):
    job[0].write_text(text)
    assert not Stamp(*job).is_complete()


def test_archives_count_by_size_and_date(tmp_path):
    archive = tmp_path / "a.ark"
    archive.write_bytes(b"12345")
    for name, lines in (("one.scp", f"a {archive}:1\nb {archive}:3\n"), ("two.scp", f"a {archive}:2\nc cat x |\n")):
        (tmp_path / name).write_text(lines)
    scripts = tmp_path / "one.scp", tmp_path / "two.scp"
    before = archive_states(*scripts)
    assert [(path, size) for path, size, _ in before] == [(str(archive), 5)]
    os.utime(archive, ns=(0, before[0][2] + 1))
    assert archive_states(*scripts) != before
