"""Augmented copies: what each method does, what decides the draws, and which copies are planned."""

from collections import Counter

import numpy as np
import pytest

from speechlib.experiments.augmenting import Augmenter, Copy, copy_names, plan_copies, write_copy
from speechlib.experiments.selection import selected_samples
from speechlib.io.audio import read_audio
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.wav_writer import write_wav


@pytest.fixture
def make(write_ini):
    """Augmenter and samples by the keys of [AUGMENT]."""

    def _make(seed=42, **keys):
        ini = ExperimentIni(write_ini(EXP={"seed": seed}, AUGMENT={"sample_selection": "all", **keys}))
        return Augmenter(ini), selected_samples(ini, "AUGMENT", lambda line: None)

    return _make


def db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def test_noise_comes_at_an_snr_of_the_range(make):
    augmenter, samples = make(augment="noise", snr="[9, 11]")
    for row in range(4):
        clean, rate = samples.audio(row)
        copy, copy_rate = augmenter.copy(samples, row, "noise")
        assert copy_rate == rate and len(copy) == len(clean) and db(copy) == pytest.approx(db(clean), abs=0.1)
        gain = (copy @ clean) / (clean @ clean)  # the mix has the level of the original
        assert db(gain * clean) - db(copy - gain * clean) == pytest.approx(10, abs=1.2)


def test_speed_and_pitch_do_what_they_say(make):
    augmenter, samples = make(augment="speed, pitch", speed="[1.25, 1.25]", pitch="[4, 4]")
    clean, _ = samples.audio(0)

    def peak(audio):
        return np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 16)).argmax()

    faster, higher = (augmenter.copy(samples, 0, method)[0] for method in ("speed", "pitch"))
    assert len(faster) == 3200 and peak(faster) / peak(clean) == pytest.approx(1.25, rel=0.01)
    assert len(higher) == 4000 and peak(higher) / peak(clean) == pytest.approx(2 ** (4 / 12), rel=0.01)


def test_a_made_room_smears_the_sound(make):
    augmenter, samples = make(augment="reverberation")
    clean, _ = samples.audio(0)
    copy, _ = augmenter.copy(samples, 0, "reverberation")
    assert len(copy) == len(clean) and db(copy) == pytest.approx(db(clean), abs=0.1)
    assert 0.3 < np.corrcoef(copy, clean)[0, 1] < 0.999


def test_traditional_is_pitch_speed_and_noise_in_one_copy(make):
    augmenter, samples = make(augment="traditional", speed="[1.25, 1.25]", snr="[0, 0]")
    copy, _ = augmenter.copy(samples, 0, "traditional")
    spectrum = np.abs(np.fft.rfft(copy)) ** 2
    loud = np.sort(spectrum)[-20:].sum()
    assert len(copy) == 3200 and loud / spectrum.sum() < 0.75  # half of it is noise


def test_draws_depend_on_seed_sample_and_method_alone(make):
    augmenter, samples = make(augment="noise")
    first = augmenter.copy(samples, 3, "noise")[0]
    assert augmenter.copy(samples, 2, "noise")[0].tolist() != first.tolist()
    again, _ = make(augment="noise, pitch")
    assert (again.copy(samples.take([5, 3]), 1, "noise")[0] == first).all()
    assert (make(augment="noise", seed=1)[0].copy(samples, 3, "noise")[0] != first).any()


def test_noises_and_rooms_of_folders_are_used(make, tmp_path):
    hum = 1000 * np.sin(2 * np.pi * 3000 * np.arange(8000) / 8000)
    for path, audio in (("sounds/hum.wav", hum), ("rooms/echo.wav", np.r_[[20000], np.zeros(799), [10000]])):
        (tmp_path / path).parent.mkdir()
        write_wav(tmp_path / path, audio, 8000)  # at half the samples' rate
    augmenter, samples = make(
        augment="noise, reverberation", noise=tmp_path / "sounds", rirs=tmp_path / "rooms", snr="[0, 0]"
    )
    clean, _ = samples.audio(0)
    noise = augmenter.copy(samples, 0, "noise")[0] - clean / 2**0.5
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    assert np.sort(spectrum)[-8:].sum() > 0.8 * spectrum.sum()  # a tone
    echo, _ = augmenter.copy(samples, 0, "reverberation")
    late = np.pad(clean, (1600, 0))[: len(clean)]
    assert np.corrcoef(echo, clean + late / 2)[0, 1] > 0.99


def test_copies_are_files_with_the_labels_of_their_originals(make, tmp_path):
    augmenter, samples = make(augment="speed, noise")
    samples = samples.take([4, 0])
    said = []
    plan = [Copy(0, "speed"), Copy(1, "noise"), Copy(1, "speed")]
    copies = augmenter.copies(samples, plan, tmp_path / "out", said.append)
    assert copies.columns["augmentation"] == ["speed", "noise", "speed"]
    assert copies.columns["original"] == [samples.entries[row] for row in (0, 1, 1)]
    assert copies.columns["emotion"] == [samples.columns["emotion"][row] for row in (0, 1, 1)]
    assert said == ["3 copies made, 0 were there"]
    audio, rate = read_audio(copies.entries[1])
    assert audio.tolist() == np.rint(augmenter.copy(samples, 1, "noise")[0]).tolist() and rate == 16000
    (tmp_path / "out" / copies.names[1].split("/")[1]).unlink()
    augmenter.copies(samples, plan, tmp_path / "out", said.append)
    assert said[-1] == "1 copies made, 2 were there" and read_audio(copies.entries[1])[0].tolist() == audio.tolist()
    other, _ = make(augment="speed, noise", snr="[0, 1]")
    other.copies(samples, plan, tmp_path / "out", said.append)
    assert said[-1] == "3 copies made, 0 were there"


def test_silent_samples_are_listed_together(make, tmp_path):
    augmenter, samples = make(augment="speed, pitch")
    samples = samples.take([0, 1, 2])
    write_wav(tmp_path / "still.wav", np.zeros(100, np.int16), 16000)
    samples.entries[:2] = [str(tmp_path / "still.wav")] * 2
    plan = [Copy(row, method) for row in range(3) for method in augmenter.methods]
    with pytest.raises(ValueError, match="2 samples cannot be copied.*\n.*is silent.*\n.*is silent, all its values"):
        augmenter.copies(samples, plan, tmp_path / "out", lambda line: None)


def test_a_loud_copy_is_made_softer_not_clipped(tmp_path):
    audio = np.array([0, 65534, -30000], np.float32)
    assert write_copy(tmp_path / "a.wav", audio, 16000) == pytest.approx(0.5)
    assert read_audio(tmp_path / "a.wav")[0].tolist() == [0, 32767, -15000]
    assert write_copy(tmp_path / "b.wav", np.array([-32768.0, 32767], np.float32), 16000) == 1
    assert read_audio(tmp_path / "b.wav")[0].tolist() == [-32768, 32767]


def test_names_tell_samples_of_one_recording_apart(make):
    _, samples = make(augment="speed")
    samples = samples.take([0, 0])
    samples.starts[1] = 0.1
    names = copy_names(samples, [Copy(0, "speed"), Copy(1, "speed"), Copy(0, "noise")])
    assert len(set(names)) == 3 and names[0].startswith("s0_anger_0-") and names[0].endswith("-speed.wav")


def test_plans_with_and_without_balance(write_ini):
    ini = ExperimentIni(write_ini(AUGMENT={"sample_selection": "all", "balance": "True"}))
    samples = selected_samples(ini, "AUGMENT", lambda line: None)
    # of five speakers' nine samples each: all of anger, one a speaker of joy, no sadness
    labels = [
        label if label == "anger" or (label == "joy" and name.endswith("0.wav")) else None
        for label, name in zip(samples.columns["emotion"], samples.names, strict=True)
    ]
    plan = plan_copies(ini, samples, ["noise", "speed"], labels)
    assert len(plan) == len(set(plan)) == 10 and {labels[copy.row] for copy in plan} == {"joy"}
    assert set(Counter(samples.columns["speaker"][copy.row] for copy in plan).values()) == {2}
    with pytest.raises(ValueError, match=r"\[AUGMENT\] balance: class joy has 5 .*give more kinds"):
        plan_copies(ini, samples, ["noise"], labels)
    with pytest.raises(ValueError, match="a regression has no classes"):
        plan_copies(ini, samples, ["noise"], None)
    plain = ExperimentIni(write_ini())
    assert plan_copies(plain, samples.take([3, 5]), ["a", "b"], None) == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"augment": "[]"}, "no method: expected some of noise"),
        ({"augment": "noize"}, "'noize' .did you mean noise"),
        ({"speed": "[2, 1]"}, r"speed: expected a range \[lowest, highest\] between 0.5 and 2 times as fast"),
        ({"snr": "[1]"}, "snr: expected a range"),
        ({"pitch": "['a', 'b']"}, "pitch: expected a range"),
        ({"noise": "gone"}, "noise: gone: no such folder"),
        ({"augment": "reverberation", "rirs": "empty"}, "rirs: empty: no audio in it"),
        ({"augment": "reverberation", "rirs": "music"}, "rirs: music holds 1 sounds, but no impulse response"),
    ],
)
def test_wrong_keys_are_errors(make, tmp_path, monkeypatch, keys, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "music").mkdir()
    write_wav(tmp_path / "music/song.wav", np.arange(100, dtype=np.int16), 16000)
    with pytest.raises(ValueError, match=message):
        make(**keys)
