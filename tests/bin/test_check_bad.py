"""The command that judges the lists of bad utterances."""

import subprocess
import sys

from speechlib.bin.check_bad import main
from speechlib.io.bad_audio import write_bad_list


def _lists(folder):
    write_bad_list(folder / "bad.1.tsv", [("utt2", "nan", "x.wav: 3 samples\tare NaN;\nmend"), ("utt1", "empty", "e")])
    write_bad_list(folder / "bad.2.tsv", [])
    write_bad_list(folder / "bad.3.tsv", [("utt9", "nan", "n")])
    return [str(folder / f"bad.{job}.tsv") for job in (1, 2, 3)]


def test_too_many_bad_utterances_fail_with_a_summary_by_reason(tmp_path, capsys):
    lists = _lists(tmp_path)
    assert main(["--max-bad", "2", *lists]) == 1
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in out[:3]] == [["utt1", "empty"], ["utt2", "nan"], ["utt9", "nan"]]
    assert "3 samples are NaN; mend" in out[1]
    assert "bad utterances: 3 (empty 1, nan 2), tolerated: 2" in out[3]
    assert "--max-bad 3" in out[4]


def test_tolerated_and_none(tmp_path, capsys):
    lists = _lists(tmp_path)
    assert main(["--max-bad=3", *lists]) == 0
    assert main([lists[1]]) == 0
    assert "bad utterances: 0" in capsys.readouterr().out


def test_a_missing_or_broken_list_is_an_error_not_a_pass(tmp_path, root):
    (tmp_path / "broken.tsv").write_text("utt1 nan no tabs\n")
    for path, expected in ((tmp_path / "bad.7.tsv", "bad.7.tsv"), (tmp_path / "broken.tsv", "broken.tsv:1: expected")):
        done = subprocess.run(
            [sys.executable, "-m", "speechlib.bin.check_bad", str(path)], cwd=root, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert expected in done.stderr and "Traceback" not in done.stderr
