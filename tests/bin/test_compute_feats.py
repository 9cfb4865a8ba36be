"""The command compute_feats: Kaldi's segments, options, bad audio, and recordings too long for memory."""

import os
import subprocess
import sys
import wave

import numpy as np
import pytest
import torch

from speechlib.bin import compute_feats
from speechlib.io.audio import read_bad_list, write_wav
from speechlib.io.tables import RandomAccessTable, read_table


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 2000, samples).round().astype(np.float32)


@pytest.fixture
def data(tmp_path):
    """A data directory with three recordings of 16 kHz."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = []
    for index, samples in enumerate((16000, 40000, 300)):
        write_wav(folder / f"utt{index}.wav", noise(samples, index), 16000)
        lines.append(f"utt{index} {folder}/utt{index}.wav\n")
    (folder / "wav.scp").write_text("".join(lines))
    return folder


def compute(*arguments):
    return compute_feats.main([str(argument) for argument in arguments])


def load(path):
    return dict(read_table(f"ark:{path}"))


def test_segments_equal_kaldi(golden, tmp_path):
    lines = [line.split() for line in (golden / "wav.scp").read_text().splitlines()]
    (tmp_path / "wav.scp").write_text("".join(f"{key} {golden}/{path}\n" for key, path in lines))
    (tmp_path / "segments").write_text((golden / "segments").read_text())
    config = golden / "conf" / "mfcc_vox2_30.conf"
    status = compute(
        "--type", "mfcc", "--config", config, "--dither=0", "--write-utt2dur", f"ark,t:{tmp_path}/dur",
        "--write-num-frames", tmp_path / "frames", tmp_path, f"ark:{tmp_path}/feats.ark",
    )  # fmt: skip
    assert status == 0
    found = load(tmp_path / "feats.ark")
    expected = dict(read_table(f"ark,t:gunzip -c {golden}/feats/mfcc_vox2_30_segments.txt.gz |"))
    assert list(found) == list(expected)  # the segment of 0.1 s is too short for Kaldi
    difference = np.abs(np.concatenate(list(found.values())) - np.concatenate(list(expected.values())))
    assert difference.mean() < 1e-4
    assert np.quantile(difference, 0.999) < 5e-3
    durations = [line.split() for line in (golden / "io" / "segments_dur").read_text().splitlines()]
    assert [line.split() for line in (tmp_path / "dur").read_text().splitlines()] == durations
    frames = [f"{key} {len(matrix)}" for key, matrix in expected.items()]
    assert (tmp_path / "frames").read_text().splitlines() == frames


def test_a_recording_too_short_for_a_frame_has_an_empty_matrix(data, tmp_path, caplog):
    assert compute("--type", "fbank", "--write-num-frames", tmp_path / "n", data, f"ark:{tmp_path}/x.ark") == 0
    assert [len(matrix) for matrix in load(tmp_path / "x.ark").values()] == [98, 248, 0]
    assert (tmp_path / "n").read_text() == "utt0 98\nutt1 248\nutt2 0\n"
    assert "utt2 of 0.0187 s is too short for a frame" in caplog.text


@pytest.mark.parametrize("kind", ["mfcc", "fbank", "melspec"])
@pytest.mark.parametrize("extra", [["--compress=true"], ["--compress", "false", "--subtract-mean"]])
def test_long_recordings_have_the_same_bytes(data, tmp_path, monkeypatch, kind, extra):
    contents = []
    for pieces in (1 << 22, 7000, 40000):
        monkeypatch.setattr(compute_feats, "PIECE_SAMPLES", pieces)
        assert compute("--type", kind, *extra, data, f"ark:{tmp_path}/x.ark") == 0
        contents.append((tmp_path / "x.ark").read_bytes())
    assert contents[0] == contents[1] == contents[2]


PEAKS = """
import resource, sys
from speechlib.bin import compute_feats
for folder in sys.argv[1:]:
    assert compute_feats.main(["--type", "melspec", "--compress", "true", folder, f"ark:{folder}/x.ark"]) == 0
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.parametrize("segments", ["", "cut long 0 -1\n"])
def test_memory_does_not_grow_with_the_recording(tmp_path, root, segments):
    minute = noise(960_000).astype("<i2").tobytes()
    for minutes in (1, 30):
        folder = tmp_path / str(minutes)
        folder.mkdir()
        with wave.open(str(folder / "long.wav"), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframesraw(minute * minutes)
        (folder / "wav.scp").write_text(f"long {folder}/long.wav\n")
        if segments:
            (folder / "segments").write_text(segments)
    command = [sys.executable, "-c", PEAKS, str(tmp_path / "1"), str(tmp_path / "30")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    short, long = map(float, done.stdout.split())
    # 30 minutes are 110 MiB as samples and 88 MiB as features; compressing these in memory takes several times as much.
    assert long - short < 120


def test_config_and_command_line(data, tmp_path):
    (tmp_path / "x.conf").write_text("--num-mel-bins=30 # more\n--num-ceps=20\n--dither=0\n--min-duration=0.1\n")
    (tmp_path / "x.yaml").write_text("num_mel_bins: 30\nnum-ceps: 20\ndither: 0\nmin_duration: 0.1\n")
    for config in ("x.conf", "x.yaml"):
        assert compute("--type", "mfcc", "--config", tmp_path / config, data, f"ark:{tmp_path}/{config}.ark") == 0
    assert (tmp_path / "x.conf.ark").read_bytes() == (tmp_path / "x.yaml.ark").read_bytes()
    found = load(tmp_path / "x.conf.ark")
    assert list(found) == ["utt0", "utt1"]  # the third is shorter than 0.1 s
    assert found["utt0"].shape == (98, 20)
    arguments = ["--config", tmp_path / "x.conf", "--num-ceps", 7, "--snip-edges", "false", "--min-duration=0"]
    assert compute("--type", "mfcc", *arguments, data, f"ark:{tmp_path}/y.ark") == 0
    assert [matrix.shape for matrix in load(tmp_path / "y.ark").values()] == [(100, 7), (250, 7), (2, 7)]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("--num-mel-bin=30\n", r"x.conf: unknown option --num-mel-bin \(did you mean --num-mel-bins\?\)"),
        ("--num-ceps=many\n", "x.conf: option --num-ceps: 'many': expected an integer"),
        ("--num-ceps=40\n", "x.conf: num-ceps=40 must lie between 1 and num-mel-bins=23"),
        ("--window-type=povvey\n", "x.conf: window-type='povvey' is not known: choose one of povey"),
        ("num-ceps=12\n", "x.conf:1: "),
        ("--use-energy=perhaps\n", "x.conf: option --use-energy: 'perhaps': expected true or false"),
    ],
)
def test_bad_configs_name_file_and_mend(data, tmp_path, config, message):
    (tmp_path / "x.conf").write_text(config)
    with pytest.raises(ValueError, match=message):
        compute("--type", "mfcc", "--config", tmp_path / "x.conf", data, f"ark:{tmp_path}/x.ark")
    assert not (tmp_path / "x.ark").exists()


def test_an_unknown_option_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as exit_info:
        compute("--type", "mfcc", "--ditter=0", "data", "ark:x")
    assert exit_info.value.code == 1
    assert "unknown option --ditter (did you mean --dither?)" in capsys.readouterr().err


def test_bad_audio_is_listed_or_fails(data, tmp_path):
    (data / "utt1.wav").write_bytes((data / "utt1.wav").read_bytes()[:1000])
    write_wav(data / "utt2.wav", noise(8000), 8000)
    arguments = ["--type", "fbank", "--bad", tmp_path / "bad.tsv", data, f"ark:{tmp_path}/x.ark"]
    assert compute(*arguments) == 0
    assert list(load(tmp_path / "x.ark")) == ["utt0"]
    assert [row[:2] for row in read_bad_list(tmp_path / "bad.tsv")] == [("utt1", "truncated"), ("utt2", "wrong-rate")]
    assert compute("--type", "fbank", data, f"ark:{tmp_path}/x.ark") == 1
    assert compute("--type", "fbank", "--allow-upsample=true", *arguments[2:]) == 0
    assert list(load(tmp_path / "x.ark")) == ["utt0", "utt2"]
    assert [row[0] for row in read_bad_list(tmp_path / "bad.tsv")] == ["utt1"]


def test_upsampled_speech_is_like_its_source(data, tmp_path, monkeypatch):
    time = np.arange(8000) / 8000
    write_wav(data / "utt2.wav", (8000 * np.sin(2 * np.pi * 1000 * time)).round(), 8000)
    time = np.arange(16000) / 16000
    write_wav(data / "utt1.wav", (8000 * np.sin(2 * np.pi * 1000 * time)).round(), 16000)
    options = ["--type", "fbank", "--dither=0", "--allow-upsample=true", data, f"ark:{tmp_path}/x.ark"]
    assert compute(*options) == 0
    whole = (tmp_path / "x.ark").read_bytes()
    found = load(tmp_path / "x.ark")
    peak = found["utt1"][50].argmax()
    assert found["utt2"].shape == found["utt1"].shape
    assert np.abs(found["utt2"] - found["utt1"])[5:-5, peak].max() < 0.02
    monkeypatch.setattr(compute_feats, "PIECE_SAMPLES", 3000)
    assert compute(*options) == 0
    assert (tmp_path / "x.ark").read_bytes() == whole


def test_stereo_needs_a_channel(data, tmp_path):
    stereo = np.stack([noise(16000, 1), noise(16000, 2)], axis=1).astype("<i2")
    with wave.open(str(data / "utt1.wav"), "wb") as file:
        file.setparams((2, 2, 16000, 0, "NONE", ""))
        file.writeframes(stereo.tobytes())
    write_wav(data / "utt0.wav", stereo[:, 1].astype(np.float32), 16000)
    arguments = ["--type", "fbank", "--dither=0", "--bad", tmp_path / "bad.tsv"]
    assert compute(*arguments, data, f"ark:{tmp_path}/x.ark") == 0
    assert [row[:2] for row in read_bad_list(tmp_path / "bad.tsv")] == [("utt1", "multichannel")]
    right = load(tmp_path / "x.ark")["utt0"]
    (data / "wav.scp").write_text(f"utt1 {data}/utt1.wav\n")
    assert compute(*arguments, "--channel=1", data, f"ark:{tmp_path}/x.ark") == 0
    np.testing.assert_array_equal(load(tmp_path / "x.ark")["utt1"], right)


def test_dither_does_not_depend_on_the_job(data, tmp_path):
    assert compute("--type", "mfcc", data, f"ark:{tmp_path}/all.ark") == 0
    (data / "wav.scp").write_text(f"utt1 {data}/utt1.wav\n")
    assert compute("--type", "mfcc", data, f"ark:{tmp_path}/one.ark") == 0
    assert compute("--type", "mfcc", "--seed=1", data, f"ark:{tmp_path}/other.ark") == 0
    utterance = load(tmp_path / "all.ark")["utt1"]
    np.testing.assert_array_equal(load(tmp_path / "one.ark")["utt1"], utterance)
    assert not np.array_equal(load(tmp_path / "other.ark")["utt1"], utterance)


def test_a_complete_job_is_not_run_again(data, tmp_path):
    arguments = ["--type", "fbank", "--stamp", tmp_path / "stamp", data, f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp"]
    assert compute(*arguments) == 0
    first = os.stat(tmp_path / "x.ark").st_mtime_ns
    assert compute(*arguments) == 0
    assert os.stat(tmp_path / "x.ark").st_mtime_ns == first
    assert compute(*arguments, "--num-mel-bins=40") == 0
    assert RandomAccessTable(f"scp:{tmp_path}/x.scp")["utt0"].shape == (98, 40)


def test_melspec_options(data, tmp_path, root):
    config = root / "egs" / "timit" / "conf" / "melspec.yaml"
    assert compute("--type", "melspec", "--config", config, data, f"ark:{tmp_path}/e.ark") == 0
    assert compute("--type", "melspec", "--log-base=10", data, f"ark:{tmp_path}/10.ark") == 0
    natural, decimal = load(tmp_path / "e.ark")["utt0"], load(tmp_path / "10.ark")["utt0"]
    assert natural.shape == (101, 128)
    np.testing.assert_allclose(natural, decimal * 2.302585, rtol=1e-5)


def test_frame_shift(capsys):
    assert compute("--type", "mfcc", "--frame-shift=12.5", "--print-frame-shift") == 0
    assert compute("--type", "melspec", "--hop=128", "--print-frame-shift") == 0
    assert capsys.readouterr().out == "0.0125\n0.008\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(data, tmp_path):
    with pytest.raises(ValueError, match="--device cuda: there is no GPU"):
        compute("--type", "fbank", "--device", "cuda", data, f"ark:{tmp_path}/x.ark")
