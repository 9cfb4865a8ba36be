"""steps/augment_data_dir.sh: SNRs in the written files, same files for any --nj, what goes with a copy, bad input."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from speechlib.bin import augment_data, plan_augmentation
from speechlib.io.audio import read_audio, write_wav
from speechlib.io.maps import read_lists, read_map
from speechlib.io.tables import open_table, read_table

RATE = 16000


@pytest.fixture(scope="module")
def run(root):
    def run(*arguments, script="steps/augment_data_dir.sh", status=0):
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        done = subprocess.run(
            [script, *map(str, arguments)], cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def write_dir(folder, wavs, speaker_of=lambda utterance: utterance.split("-")[0]):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wav.scp").write_text("".join(f"{key} {wavs[key]}\n" for key in sorted(wavs)))
    (folder / "utt2spk").write_text("".join(f"{key} {speaker_of(key)}\n" for key in sorted(wavs)))
    speakers = sorted({speaker_of(key) for key in wavs})
    lists = {s: " ".join(key for key in sorted(wavs) if speaker_of(key) == s) for s in speakers}
    (folder / "spk2utt").write_text("".join(f"{s} {utterances}\n" for s, utterances in lists.items()))
    return folder


def table(out):
    lines = [line.split("\t") for line in (out / "augmentation.tsv").read_text().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def power(samples):
    return float(np.mean(np.asarray(samples, np.float64) ** 2))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """MUSAN-like noise and music, without speech, and RIRS_NOISES-like rooms."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for kind in ("noise", "music"):
        (folder / "musan" / kind).mkdir(parents=True)
        for index, seconds in enumerate((0.4, 3.0)):
            write_wav(folder / "musan" / kind / f"{index}.wav", rng.normal(0, 500, int(seconds * RATE)), RATE)
    soundfile.write(folder / "musan/noise/stereo.ogg", rng.normal(0, 0.1, (44100, 2)), 44100, format="OGG")
    rooms = folder / "rirs/simulated_rirs"
    for room in ("smallroom", "mediumroom"):
        (rooms / room).mkdir(parents=True)
        response = rng.normal(size=(3000, 2)) * np.exp(-np.arange(3000) / 400)[:, None]
        response[200] = 8.0
        write_wav(rooms / room / "1.wav", response * 3000, RATE)
    return folder


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(1)
    wavs = {}
    for speaker in ("s1", "s2"):
        for index in range(2):
            count = 12000 + 4000 * index
            samples = rng.normal(0, 1500, count) * np.abs(np.sin(np.arange(count) / 3000))
            path = tmp_path / f"{speaker}-{index}.wav"
            write_wav(path, samples.round(), RATE)
            wavs[f"{speaker}-{index}"] = path
    folder = write_dir(tmp_path / "data/train", wavs)
    (folder / "spk2gender").write_text("s1 f\ns2 m\n")
    (folder / "utt2num_frames").write_text("".join(f"{key} 75\n" for key in sorted(wavs)))
    (folder / "feats.scp").write_text("".join(f"{key} nowhere.ark:1\n" for key in sorted(wavs)))
    with open_table(f"ark,scp:{folder}/vad.ark,{folder}/vad.scp") as writer:
        for key in sorted(wavs):
            writer.write(key, np.ones(75, np.float32))
    return folder


def options(sounds):
    return "--noise", sounds / "musan", "--rirs", sounds / "rirs"


def contents(out):
    audio = {key: value[1].tobytes() for key, value in read_table(f"scp:{out}/wav.scp", "wave")}
    return audio, (out / "augmentation.tsv").read_text(), (out / "utt2spk").read_text()


def test_any_number_of_jobs_gives_the_same_copies_and_another_seed_others(run, data, sounds, tmp_path):
    found = []
    for index, extra in enumerate((["--nj", 1], ["--nj", 3], ["--nj", 1, "--seed", 1])):
        run(*options(sounds), *extra, data, tmp_path / f"aug{index}")
        found.append(contents(tmp_path / f"aug{index}"))
    assert found[0] == found[1]
    assert len(found[0][0]) == 16
    assert all(found[0][0][key] != found[2][0][key] for key in found[0][0] if not key.endswith("reverb"))
    # a copy does not depend on which others are made
    run(*options(sounds), "--subset", 5, "--kinds", "noise babble", data, tmp_path / "few")
    few = contents(tmp_path / "few")[0]
    assert len(few) == 5 and all(found[0][0][key] == audio for key, audio in few.items())


def test_what_goes_with_a_copy(run, data, sounds, tmp_path, root):
    out = tmp_path / "data/aug"
    message = run(*options(sounds), "--kinds", "reverb", data, out)
    assert "4 augmented utterances" in message
    assert list(read_map(out / "utt2spk").items())[1:3] == [("s1-1-reverb", "s1"), ("s2-0-reverb", "s2")]
    assert read_lists(out / "spk2utt")["s1"] == ["s1-0-reverb", "s1-1-reverb"]
    assert (out / "spk2gender").read_text() == "s1 f\ns2 m\n"
    assert read_map(out / "utt2uniq")["s2-1-reverb"] == "s2-1"
    assert read_map(out / "utt2dur") == {"s1-0-reverb": "0.75", "s1-1-reverb": "1", "s2-0-reverb": "0.75"} | {
        "s2-1-reverb": "1"
    }
    clean = read_map(data / "vad.scp")
    assert read_map(out / "vad.scp") == {f"{key}-reverb": entry for key, entry in clean.items()}
    assert set(read_map(out / "utt2num_frames")) == set(read_map(out / "vad.scp"))
    assert not (out / "feats.scp").exists()
    run("--no-feats", "--no-text", out, script="utils/validate_data_dir.sh")
    samples, rate = read_audio(read_map(out / "wav.scp")["s1-0-reverb"])
    assert rate == RATE and len(samples) == 12000
    # clean and augmented in one
    run(tmp_path / "all", data, out, script="utils/combine_data.sh")
    assert len(read_map(tmp_path / "all/utt2spk")) == 8


def test_other_speeds(run, data, sounds, tmp_path):
    run("--kinds", "speed", "--speeds", "0.8:1.25", data, tmp_path / "kept")
    assert read_lists(tmp_path / "kept/spk2utt")["s1"] == ["s1-0-sp0.8", "s1-0-sp1.25", "s1-1-sp0.8", "s1-1-sp1.25"]
    durations = read_map(tmp_path / "kept/utt2dur")
    assert durations["s2-1-sp0.8"] == "1.25" and durations["s2-0-sp1.25"] == "0.6"
    assert not (tmp_path / "kept/vad.scp").exists() and not (tmp_path / "kept/utt2num_frames").exists()
    run("--nj", 2, "1.25", data, tmp_path / "new", script="utils/data/perturb_data_dir_speed.sh")
    assert list(read_map(tmp_path / "new/utt2spk").items())[0] == ("sp1.25-s1-0", "sp1.25-s1")
    assert (tmp_path / "new/spk2gender").read_text() == "sp1.25-s1 f\nsp1.25-s2 m\n"
    kept, new = (contents(tmp_path / name)[0] for name in ("kept", "new"))
    assert new["sp1.25-s2-1"] == kept["s2-1-sp1.25"]


def test_segments_are_copied_as_recordings(run, data, sounds, tmp_path):
    folder = tmp_path / "data/cut"
    recordings = read_map(data / "wav.scp")
    write_dir(folder, {"s1-a": recordings["s1-0"], "s1-b": recordings["s1-0"], "s2-c": recordings["s2-0"]})
    (folder / "wav.scp").write_text("".join(f"{key} {path}\n" for key, path in recordings.items() if key[-1] == "0"))
    (folder / "segments").write_text("s1-a s1-0 0.1 0.4\ns1-b s1-0 0.4 0.75\ns2-c s2-0 0 -1\n")
    out = tmp_path / "data/aug"
    run(*options(sounds), "--kinds", "music babble", "--normalize", "false", folder, out)
    assert not (out / "segments").exists()
    assert {key: float(value) for key, value in read_map(out / "utt2dur").items() if "music" in key} == {
        "s1-a-music": pytest.approx(0.3), "s1-b-music": pytest.approx(0.35), "s2-c-music": pytest.approx(0.75)
    }  # fmt: skip
    row = next(row for row in table(out) if row["utterance"] == "s1-b-music")
    clean = read_audio(recordings["s1-0"], start=0.4, end=0.75)[0]
    added = read_audio(read_map(out / "wav.scp")["s1-b-music"])[0] - clean
    assert 10 * np.log10(power(clean) / power(added)) == pytest.approx(float(row["snr"]), abs=0.1)
    assert all(row["clip"][:2] != row["utterance"][:2] for row in table(out) if row["kind"] == "babble")


def test_only_what_changed_is_made_again(run, data, sounds, tmp_path):
    out = tmp_path / "aug"
    arguments = [*options(sounds), "--kinds", "reverb", "--nj", 2, data, out]
    run(*arguments)
    archives = [out / f"data/augmented.{job}.ark" for job in (1, 2)]
    before = [path.stat().st_mtime_ns for path in archives]
    archives[1].unlink()
    run(*arguments)
    after = [path.stat().st_mtime_ns for path in archives]
    assert after[0] == before[0] and after[1] > before[1]
    write_wav(sounds / "rirs/simulated_rirs/smallroom/2.wav", np.array([0, 5000, 100.0]), RATE)
    run(*arguments)
    (sounds / "rirs/simulated_rirs/smallroom/2.wav").unlink()
    assert archives[0].stat().st_mtime_ns > after[0]


def test_snrs_of_real_recordings(run, corpora, tmp_path):
    """Measured from the files alone: noise is what is written less the clean speech times its gain."""
    wavs = {}
    for path in sorted((corpora / "voxceleb1_sample/wav").glob("id*/*/*.wav")):
        wavs["-".join(path.relative_to(corpora / "voxceleb1_sample/wav").with_suffix("").parts)] = path
    data = write_dir(tmp_path / "data", wavs)
    clean = {key: read_audio(path)[0] for key, path in wavs.items()}
    noises = corpora / "noise_rir"
    seen = set()
    for name, extra in {
        "mixed": ["--noise", noises, "--kinds", "reverb noise babble", "--babble-speakers", "1"],
        "ogg": ["--noise", noises / "raw_examples", "--kinds", "noise", "--fg-snrs", "7.5:-3", "--fg-interval", "0.5"],
        "channels": ["--kinds", "reverb"],
    }.items():
        rirs = noises / "lhotse_rir" if name == "channels" else noises
        run("--nj", 2, *extra, "--rirs", rirs, data, tmp_path / name)
        written = {key: read_audio(entry)[0] for key, entry in read_map(tmp_path / name / "wav.scp").items()}
        for row in table(tmp_path / name):
            speech, mix = clean[row["source"]], written[row["utterance"]]
            assert len(mix) == len(speech)
            seen.add(row["room"].rpartition("/")[2])
            if row["kind"] == "reverb":
                name, _, channel = row["room"].partition("/")[2].partition(":")
                folder = rirs if (rirs / name).exists() else noises
                response = soundfile.read(folder / name, always_2d=True)[0][:, int(channel or 0)]
                peak = int(np.argmax(np.abs(response)))
                expected = fftconvolve(speech, response)[peak : peak + len(speech)]
                assert np.corrcoef(expected, mix)[0, 1] > 0.9999, row
                ratio = float(row["gain"]) ** 2 * power(speech) / power(mix)
                assert ratio == pytest.approx(1, rel=1e-3)
                continue
            rest = mix - float(row["gain"]) * speech
            heard = power(rest[round(float(row["start"]) * RATE) : round(float(row["end"]) * RATE)])
            snr = 10 * np.log10(power(speech) * float(row["gain"]) ** 2 / heard)
            assert snr == pytest.approx(float(row["snr"]), abs=0.1), row
            assert float(row["reached"]) == pytest.approx(snr, abs=0.02)
        assert max(np.abs(mix).max() for mix in written.values()) <= 32767
    assert any(room.startswith("real_8ch.wav:") for room in seen)


def test_silent_and_bad_utterances(run, data, sounds, tmp_path):
    wavs = read_map(data / "wav.scp")
    write_wav(wavs["s1-1"], np.zeros(8000), RATE)
    message = run(*options(sounds), "--kinds", "noise", data, tmp_path / "a")
    assert "1 of 4 copies could not be made" in message and "s1-1-noise" not in read_map(tmp_path / "a/utt2spk")
    assert any("s1-1 is digital silence" in log.read_text() for log in (tmp_path / "a/log").glob("*.log"))
    open(wavs["s2-0"], "wb").close()
    message = run(*options(sounds), "--kinds", "noise", data, tmp_path / "b", status=1)
    assert "s2-0" in message and "--max-bad 1" in message and not (tmp_path / "b/wav.scp").exists()
    run(*options(sounds), "--kinds", "noise", "--max-bad", 1, data, tmp_path / "b")
    assert list(read_map(tmp_path / "b/utt2spk")) == ["s1-0-noise", "s2-1-noise"]


def test_other_rates_of_speech(run, sounds, tmp_path):
    rng = np.random.default_rng(0)
    for rate in (8000, 44100):
        write_wav(tmp_path / f"{rate}.wav", rng.normal(0, 1000, rate).round(), rate)
    data = write_dir(tmp_path / "data", {str(rate): tmp_path / f"{rate}.wav" for rate in (8000, 44100)})
    run(*options(sounds), "--normalize", "false", "--kinds", "music", data, tmp_path / "aug")
    for row in table(tmp_path / "aug"):
        mix, rate = read_audio(read_map(tmp_path / "aug/wav.scp")[row["utterance"]])
        clean = read_audio(tmp_path / f"{row['source']}.wav")[0]
        assert rate == int(row["source"])
        assert 10 * np.log10(power(clean) / power(mix - clean)) == pytest.approx(float(row["snr"]), abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kinds", "hiss"], "'hiss' is not known"),
        (["--kinds", "reverb", "--rirs", "EMPTY"], "no audio in it"),
        (["--kinds", "noise", "--noise", "EMPTY"], "no audio in it"),
        (["--kinds", "noise", "--noise", "nowhere"], "no such folder"),
        (["--kinds", "noise"], "noise is asked for, .* there is nothing"),
        (["--kinds", "music", "--noise", "NOISE"], "music is asked for, .* there is noise"),
        (["--kinds", "reverb", "--rirs", "NOISE"], "no impulse response"),
        (["--kinds", "noise", "--noise", "BROKEN"], "1 of 1 files .* cannot be read"),
        (["--kinds", "noise", "--noise", "SILENT"], "drawn noises are digital silence"),
        (["--kinds", "reverb", "--rirs", "ZERO"], "drawn impulse responses are all zero"),
        (["--kinds", "noise", "--noise", "NOISE", "--subset", "5"], "--subset 5: there are 4 copies"),
        (["--kinds", "noise", "--noise", "NOISE", "--fg-snrs", "loud"], "fg-snrs.*expected a number"),
        (["--kinds", "speed", "--speeds", "1.0"], "changes nothing"),
        (["--kinds", "noise", "--noise", "NOISE", "--seed", "-1"], "seed"),
    ],
)
def test_bad_input_is_named(data, tmp_path, capsys, arguments, message):
    (tmp_path / "EMPTY").mkdir()
    for name, count in (("NOISE/noise", 1.0), ("SILENT", 0.0), ("ZERO/rir", 0.0)):
        (tmp_path / name).mkdir(parents=True)
        write_wav(tmp_path / name / "x.wav", count * np.arange(4000.0), RATE)
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN/x.wav").write_bytes(b"RIFF1234WAVEjunk")
    arguments = [str(tmp_path / word) if word.isupper() else word for word in arguments]
    with pytest.raises((ValueError, OSError, SystemExit)) as caught:
        plan_augmentation.main([*arguments, str(data), str(tmp_path / "out/plan")])
        augment_data.main([str(data), str(tmp_path / "out/plan"), "1", f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp"])
    assert re.search(message, f"{caught.value} {capsys.readouterr().err}")
    assert not (tmp_path / "a.ark").exists()


def test_the_source_is_never_the_target(run, data, sounds):
    before = sorted(path.name for path in data.iterdir())
    message = run(*options(sounds), data, f"{data}/", status=1)
    assert "both source and target" in message
    assert sorted(path.name for path in data.iterdir()) == before


def test_what_is_augmented_already_is_noticed(data, sounds, tmp_path):
    with open(data / "utt2spk", "a") as file:
        file.write("s2-1-noise s2\n")
    with pytest.raises(ValueError, match="augmented itself"):
        plan_augmentation.main(["--noise", f"{sounds}/musan", "--kinds", "noise", str(data), f"{tmp_path}/x/plan"])


def test_babble_needs_others(run, data, sounds, tmp_path):
    wavs = {key: path for key, path in read_map(data / "wav.scp").items() if key.startswith("s1")}
    alone = write_dir(tmp_path / "alone", wavs)
    message = run("--noise", sounds / "musan", "--kinds", "babble", alone, tmp_path / "x", status=1)
    assert "other speakers" in message
    (tmp_path / "musan").symlink_to(sounds / "musan")
    talk = tmp_path / "talk/speech"
    talk.mkdir(parents=True)
    write_wav(talk / "1.wav", np.random.default_rng(0).normal(0, 100, 5000), RATE)
    run("--noise", tmp_path / "talk", "--kinds", "babble", alone, tmp_path / "x")
    assert {row["clip"] for row in table(tmp_path / "x")} == {"talk/speech/1.wav"}
