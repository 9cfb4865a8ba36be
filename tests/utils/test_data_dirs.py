"""Tests of the data-directory commands with Kaldi's command lines, through a link to utils from another directory."""

import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture
def recipe(tmp_path, root):
    """A recipe directory: utils is a link, data/train a data directory of 3 speakers with 2 utterances each."""
    (tmp_path / "utils").symlink_to(root / "utils")
    train = tmp_path / "data" / "train"
    train.mkdir(parents=True)
    keys = [f"s{speaker}-u{number}" for speaker in range(3) for number in range(2)]
    (train / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in keys))
    (train / "spk2utt").write_text("".join(f"s{i} s{i}-u0 s{i}-u1\n" for i in range(3)))
    (train / "wav.scp").write_text("".join(f"{key} {key}.wav\n" for key in keys))
    (train / "text").write_text("".join(f"{key}\tWORDS OF {key}\n" for key in keys))
    return tmp_path


@pytest.fixture
def call(recipe):
    """Run a command in the recipe directory."""

    def run(command, *arguments, status=0, stdin=""):
        result = subprocess.run(
            [f"utils/{command}", *map(str, arguments)],
            cwd=recipe,
            env=os.environ | {"PYTHON": sys.executable},
            input=stdin,
            capture_output=True,
            text=True,
        )
        assert result.returncode == status, result.stderr
        assert "Traceback" not in result.stderr
        return result

    return run


def files(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_validate(call, recipe):
    assert "Successfully validated" in call("validate_data_dir.sh", "--no-feats", "data/train").stdout
    (recipe / "data/train/wav.scp").write_text("s0-u0 x.wav\ns0-u0 x.wav\n")
    error = call("validate_data_dir.sh", "--no-text", "--no-spk-sort", "data/train", status=1).stderr
    assert "error: data/train/feats.scp: no such file; make it, or pass --no-feats if this is by design" in error
    assert (
        "error: data/train/wav.scp:2: 's0-u0' was there already in line 1; delete one of the two, or run utils/"
        in error
    )
    assert "did you mean --no-feats?" in call("validate_data_dir.sh", "--no-feat", "data/train", status=1).stderr


def test_split_and_combine(call, recipe):
    before = files(recipe / "data/train")
    call("split_data.sh", "data/train", 2)
    call("split_data.sh", "--per-utt", "data/train", 4)
    assert (recipe / "data/train/split2/1/spk2utt").read_text() == "s0 s0-u0 s0-u1\ns1 s1-u0 s1-u1\n"
    assert (recipe / "data/train/split4utt/4/utt2spk").read_text() == "s2-u1 s2\n"
    assert "--per-utt" in call("split_data.sh", "data/train", 4, status=1).stderr
    parts = [f"data/train/split4utt/{job}" for job in (3, 1, 4, 2)]
    assert "kept all 6 utterances" in call("combine_data.sh", "data/whole", *parts).stdout
    assert files(recipe / "data/whole") == before


def test_split_by_several_processes(recipe, root):
    command = [str(root / "utils/split_data.sh"), str(recipe / "data/train"), "3"]
    environment = os.environ | {"PYTHON": sys.executable}
    processes = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        assert process.communicate()[1] == b"" and process.returncode == 0
    parts = sorted(path.name for path in (recipe / "data/train/split3").iterdir() if path.is_dir())
    assert parts == ["1", "2", "3"]
    assert not list((recipe / "data/train").glob(".*.tmp"))


def test_subset(call, recipe):
    call("subset_data_dir.sh", "--first", "data/train", 3, "data/sub")
    assert files(recipe / "data/sub")["utt2spk"] == "s0-u0 s0\ns0-u1 s0\ns1-u0 s1\n"
    (recipe / "list").write_text("s2 x\nnobody\n")
    result = call("subset_data_dir.sh", "--spk-list", "list", "data/train", "data/sub")
    assert "reducing #utt from 6 to 2" in result.stdout and "'nobody'" in result.stderr
    assert files(recipe / "data/sub")["text"] == "s2-u0\tWORDS OF s2-u0\ns2-u1\tWORDS OF s2-u1\n"
    (recipe / "list").write_text("s1-u1\n")
    call("subset_data_dir.sh", "--utt-list=list", "data/train", "data/sub")
    assert files(recipe / "data/sub")["spk2utt"] == "s1 s1-u1\n"
    call("subset_data_dir.sh", "--per-spk", "--seed", "1", "data/train", 1, "data/sub")
    assert files(recipe / "data/sub")["utt2spk"] == "s0-u0 s0\ns1-u0 s1\ns2-u0 s2\n"
    assert "expected <srcdir> <num-utt>" in call("subset_data_dir.sh", "data/train", "data/sub", status=1).stderr
    assert "it has 6" in call("subset_data_dir.sh", "data/train", 7, "data/sub", status=1).stderr


def test_copy(call, recipe):
    call("copy_data_dir.sh", "--utt-suffix", "-reverb", "--spk-prefix=", "data/train", "data/copy")
    copy = files(recipe / "data/copy")
    assert copy["spk2utt"].splitlines()[0] == "s0 s0-u0-reverb s0-u1-reverb"
    assert copy["utt2uniq"].splitlines()[0] == "s0-u0-reverb s0-u0"
    result = call("copy_data_dir.sh", "--utt-prefix", "x-", "--spk-prefix", "y-", "data/train", "data/copy")
    assert "does not begin with its speaker" in result.stderr
    call("copy_data_dir.sh", "--validate-opts", "--no-sort", "data/train", "data/copy", status=1)


def test_fix(call, recipe):
    train = recipe / "data/train"
    (train / "text").write_text("s2-u0 B\ns0-u0 A\n")
    (train / "mine").write_text("s0-u0 1\ns0-u1 2\n")
    output = call("fix_data_dir.sh", "--utt-extra-files", "mine none", "data/train").stdout
    assert "kept 2 utterances out of 6" in output and "old files are kept in data/train/.backup" in output
    assert files(train)["utt2spk"] == "s0-u0 s0\ns2-u0 s2\n" and files(train)["mine"] == "s0-u0 1\n"
    assert (train / ".backup/text").read_text() == "s2-u0 B\ns0-u0 A\n"


@pytest.mark.parametrize("ending", ["pl", "sh"])
def test_speaker_lists(call, recipe, ending):
    train = files(recipe / "data/train")
    assert call(f"utt2spk_to_spk2utt.{ending}", "data/train/utt2spk").stdout == train["spk2utt"]
    assert call(f"utt2spk_to_spk2utt.{ending}", stdin="u2 b\nu1 a\nu0 b\n").stdout == "b u2 u0\na u1\n"
    assert call(f"spk2utt_to_utt2spk.{ending}", stdin=train["spk2utt"]).stdout == train["utt2spk"]
    assert "standard input:2: expected" in call(f"utt2spk_to_spk2utt.{ending}", stdin="u a\nv\n", status=1).stderr
    assert "standard input:1: expected" in call(f"spk2utt_to_utt2spk.{ending}", stdin="a\n", status=1).stderr


def test_filter(call, recipe):
    (recipe / "ids").write_text("b x\nd\n")
    lines = "a 1\nb  2\nc b\nd\n"
    assert call("filter_scp.pl", "ids", stdin=lines).stdout == "b  2\nd\n"
    assert call("filter_scp.pl", "--exclude", "ids", stdin=lines).stdout == "a 1\nc b\n"
    assert call("filter_scp.sh", "-f", "2", "ids", stdin="a 1\nb  2\nc b\n").stdout == "c b\n"
    assert (
        "standard input:4: expected at least 2" in call("filter_scp.sh", "-f", "2", "ids", stdin=lines, status=1).stderr
    )


def test_durations_and_cutting_segments(call, recipe):
    from speechlib.io.audio import read_audio, write_wav

    train = recipe / "data/train"
    samples = np.arange(-8000, 8000, dtype=np.float32)
    write_wav(recipe / "r.wav", samples, 8000)
    (train / "wav.scp").write_text("r r.wav\n")
    times = {"s0-u0": "0 1", "s0-u1": "0.5 0.75", "s1-u0": "1 -1", "s1-u1": "0 0.05", "s2-u0": "0 2", "s2-u1": "1 1.5"}
    (train / "segments").write_text("".join(f"{key} r {value}\n" for key, value in times.items()))
    call("data/get_utt2dur.sh", "data/train")
    expected = "s0-u0 1\ns0-u1 0.25\ns1-u0 1\ns1-u1 0.05\ns2-u0 2\ns2-u1 0.5\n"
    assert (train / "utt2dur").read_text() == expected
    assert "is there already" in call("data/get_utt2dur.sh", "data/train").stdout
    assert "cut 5 of 6" in call("data/extract_wav_segments_data_dir.sh", "data/train", "data/cut").stdout
    call("validate_data_dir.sh", "--no-feats", "data/cut")
    entries = dict(line.split() for line in (recipe / "data/cut/wav.scp").read_text().splitlines())
    assert list(entries) == ["s0-u0", "s0-u1", "s1-u0", "s2-u0", "s2-u1"]  # s1-u1 is too short for Kaldi too
    cut, rate = read_audio(recipe / entries["s0-u1"])
    assert rate == 8000 and np.array_equal(cut, samples[4000:6000])
    (recipe / "r.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    result = call("data/extract_wav_segments_data_dir.sh", "data/train", "data/cut2", status=1)
    assert "utterances are bad, more than --max-bad 0" in result.stderr and "lfs-pointer" in result.stderr
    (train / "utt2dur").unlink()
    assert "lfs-pointer" in call("data/get_utt2dur.sh", "data/train", status=1).stderr
    call("data/get_utt2dur.sh", "--max-bad", 1, "data/train")
    assert "s1-u0" not in (train / "utt2dur").read_text()


@pytest.mark.parametrize(
    "command", ["validate_data_dir", "fix_data_dir", "split_data", "subset_data_dir", "combine_data", "copy_data_dir"]
)
def test_wrong_calls_show_the_usage_and_fail(call, command):
    result = call(f"{command}.sh", status=1)
    assert result.stderr.startswith("usage:") and f"{command}.sh: error:" in result.stderr


def test_an_error_is_one_line(call):
    result = call("split_data.sh", "data/none", 2, status=1)
    assert result.stderr == "split_data: error: data/none: no such data directory\n"
