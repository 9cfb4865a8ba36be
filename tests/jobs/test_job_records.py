"""Tests of speechlib.jobs.job_records: what dispatchers note of their tasks, and what is read of it."""

import subprocess

from speechlib.jobs.job_records import VARIABLE, append, read_jobs


def test_the_local_dispatcher_notes_its_tasks_but_not_theirs(root, tmp_path, monkeypatch):
    notes = tmp_path / "notes"
    notes.touch()
    monkeypatch.setenv(VARIABLE, str(notes))
    run = root / "utils/run.py"
    command = [run, "--max-jobs-run", "1", "--num-threads", "2", "JOB=1:2", tmp_path / "a b.JOB.log", "bash", "-c"]
    work = f"{run} {tmp_path}/inner.log sleep 0.2; while ((i++ < 20000)); do :; done; exit $((JOB - 1))"
    assert subprocess.run([*command, work], capture_output=True).returncode == 1
    first, second = read_jobs(str(notes))
    assert (first.log, first.code, second.code) == (f"{tmp_path}/a b.1.log", 0, 1)
    assert 0.2 < first.wall < 20 and 0 < first.cpu < 20 and first.peak > 1 << 20
    assert first.threads == 2 and first.is_child


def test_what_cannot_be_noted_or_read_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    append("x.log", "host", 0, 1.0, 1.0, 1, 1)
    notes = tmp_path / "notes"
    monkeypatch.setenv(VARIABLE, str(notes))
    append("x.log", "host", 0, 1.0, 1.0, 1, 1)
    assert not notes.exists() and read_jobs(str(notes)) == []
    notes.touch()
    append("tab\tand\nline.log", "host", 137, 1.5, 0.25, 4096, 3)
    notes.write_text(notes.read_text() + "half a li")
    (job,) = read_jobs(str(notes))
    assert job == ("tab and line.log", "host", 137, 1.5, 0.25, 4096, 3, False)
