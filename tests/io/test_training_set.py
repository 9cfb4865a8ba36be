"""Training sets: held-out part, leaks between data directories, frames kept for random access."""

import numpy as np
import pytest

from speechlib.io.datadir import DataDir
from speechlib.io.frame_cache import ArchiveFrames, FrameCache
from speechlib.io.leaks import LeakError
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table
from speechlib.io.training_set import HeldOutOptions, check_leaks, check_speakers, split_held_out

UTT2SPK = {f"s{speaker}-{k:02}": f"s{speaker}" for speaker in range(6) for k in range(20)}


def test_a_share_of_each_speakers_utterances_is_held_out():
    kept, held = split_held_out(UTT2SPK, None, 0.1, 7)
    assert sorted(kept + held) == sorted(UTT2SPK) and kept == sorted(kept) and held == sorted(held)
    assert [sum(UTT2SPK[name] == f"s{k}" for name in held) for k in range(6)] == [2] * 6
    assert split_held_out(UTT2SPK, None, 0.1, 7) == (kept, held) != split_held_out(UTT2SPK, None, 0.1, 8)
    assert split_held_out(UTT2SPK, None, 0.0, 7) == (sorted(UTT2SPK), [])
    counts = [len(split_held_out(UTT2SPK, None, 0.02, seed)[1]) for seed in range(200)]
    assert 0.015 < np.mean(counts) / 120 < 0.025  # fractions of an utterance come true at random


def test_copies_are_on_the_side_of_their_original():
    copies = {f"{name}-{kind}": speaker for name, speaker in UTT2SPK.items() for kind in ("noise", "reverb")}
    uniq = {name: name.rsplit("-", 1)[0] for name in copies}
    kept, held = split_held_out({**UTT2SPK, **copies}, uniq, 0.1, 7)
    assert len(held) == 36
    assert not {uniq.get(name, name) for name in kept} & {uniq.get(name, name) for name in held}


def test_copies_of_another_speed_are_on_the_side_of_their_original_too():
    speeds = ("sp0.9", "sp2")
    copies = {f"{speed}-{name}": f"{speed}-{speaker}" for name, speaker in UTT2SPK.items() for speed in speeds}
    uniq = {name: name.split("-", 1)[1] for name in copies}
    kept, held = split_held_out({**UTT2SPK, **copies}, uniq, 0.1, 7)
    assert len(held) == 36
    assert not {uniq.get(name, name) for name in kept} & {uniq.get(name, name) for name in held}
    originals = {uniq.get(name, name) for name in held}
    assert originals == set(split_held_out(UTT2SPK, None, 0.1, 7)[1])  # as without the copies
    some = {name: speaker for name, speaker in copies.items() if name.endswith("-03")}  # one of each new speaker
    kept, held = split_held_out({**UTT2SPK, **some}, uniq, 0.9, 1)
    assert {**UTT2SPK, **some}.keys() == {*kept, *held}
    assert {{**UTT2SPK, **some}[name] for name in kept} == {*UTT2SPK.values(), *some.values()}


def test_one_utterance_of_each_speaker_is_always_trained_on():
    kept, held = split_held_out({"a": "s", "b": "s", "c": "t"}, None, 0.99, 1)
    assert len(held) == 1 and "c" in kept and len(kept) == 2
    with pytest.raises(ValueError, match="share"):
        HeldOutOptions(1.0)


def test_too_few_speakers():
    assert check_speakers(UTT2SPK, "data") == [f"s{k}" for k in range(6)]
    with pytest.raises(ValueError, match="data: 1 speaker with usable utterances: .* needs at least 2"):
        check_speakers({"a": "s"}, "data")


def directory(folder, speakers, **files) -> DataDir:
    folder.mkdir()
    write_map(folder / "utt2spk", {f"{speaker}-u": speaker for speaker in speakers})
    for name, table in files.items():
        write_map(folder / name.replace("_", "."), table)
    return DataDir(folder)


def test_leaks_are_found_without_features(tmp_path):
    wav = {"a-u": "rec1.wav", "b-u": "rec2.wav"}
    data = directory(tmp_path / "data", "ab", wav_scp=wav, utt2session={"a-u": "x", "b-u": "y"})
    directory(tmp_path / "other", "cd", wav_scp={"c-u": "rec3.wav", "d-u": "rec4.wav"}, utt2session={"c-u": "z"})
    check_leaks(data, ["a-u", "b-u"], [str(tmp_path / "other")])
    directory(tmp_path / "speaker", "bc")
    with pytest.raises(LeakError, match="data and .*speaker: 1 speakers are in training and in evaluation .b.: take"):
        check_leaks(data, ["a-u", "b-u"], [str(tmp_path / "other"), str(tmp_path / "speaker")])
    check_leaks(data, ["a-u"], [str(tmp_path / "speaker")])
    directory(tmp_path / "session", "cd", utt2session={"c-u": "y"})
    with pytest.raises(LeakError, match="1 sessions are in training"):
        check_leaks(data, ["a-u", "b-u"], [str(tmp_path / "session")])
    directory(tmp_path / "recording", "cd", wav_scp={"c-u": "rec1.wav"})
    with pytest.raises(LeakError, match="1 recordings are in training"):
        check_leaks(data, ["a-u", "b-u"], [str(tmp_path / "recording")])


def test_another_speed_does_not_hide_a_speaker(tmp_path):
    copies = directory(tmp_path / "speed", ["sp0.9-a", "sp1.1-b"], utt2uniq={"sp0.9-a-u": "a-u", "sp1.1-b-u": "b-u"})
    directory(tmp_path / "speaker", "bc")
    with pytest.raises(LeakError, match="1 speakers are in training and in evaluation .b.: take"):
        check_leaks(copies, copies.utterances(), [str(tmp_path / "speaker")])
    check_leaks(copies, ["sp0.9-a-u"], [str(tmp_path / "speaker")])
    named = directory(tmp_path / "named", ["sp1-a"])  # no copy: it is called so
    check_leaks(named, named.utterances(), [str(directory(tmp_path / "a", "a").path)])


def test_segments_of_one_recording_are_different_recordings(tmp_path):
    def segments(folder, speaker, times):
        return directory(tmp_path / folder, speaker, wav_scp={"rec": "long.wav"}, segments={f"{speaker}-u": times})

    data = segments("data", "a", "rec 0 2")
    segments("after", "b", "rec 2 4")
    check_leaks(data, ["a-u"], [str(tmp_path / "after")])
    segments("same", "b", "rec 0.0 2.0")
    with pytest.raises(LeakError, match="long.wav from 0.0 to 2.0 s"):
        check_leaks(data, ["a-u"], [str(tmp_path / "same")])
    left = segments("left", "c", "rec 0 2 0")
    segments("right", "d", "rec 0 2 1")
    check_leaks(left, ["c-u"], [str(tmp_path / "right")])
    segments("left_again", "e", "rec 0 2 0")
    with pytest.raises(LeakError, match="long.wav from 0.0 to 2.0 s of channel 0"):
        check_leaks(left, ["c-u"], [str(tmp_path / "left_again")])


@pytest.mark.parametrize("limit", [10**9, 1000, 0])
def test_cache_keeps_what_it_was_given(tmp_path, limit):
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=(length, 3)).astype(np.float32) for length in (20, 1, 70, 40)]
    cache = FrameCache(limit, tmp_path / "exp")
    for matrix in matrices:
        cache.add(matrix)
    for found, matrix in zip(cache.matrices(), matrices, strict=True):
        np.testing.assert_array_equal(found, matrix)
    assert not list(tmp_path.glob("exp/*"))  # the file has no name


@pytest.mark.parametrize("compression", [None, True])
def test_frames_are_read_by_range(tmp_path, compression):
    rng = np.random.default_rng(0)
    matrices = {f"u{k}": rng.normal(size=(length, 5)).astype(np.float32) for k, length in enumerate((30, 12, 50))}
    with open_table(f"ark,scp:{tmp_path}/f.ark,{tmp_path}/f.scp", compression) as writer:
        for name, matrix in matrices.items():
            writer.write(name, matrix)
    entries = [line.split()[1] for line in (tmp_path / "f.scp").read_text().splitlines()]
    entries.append(entries[2] + "[5:24]")
    stored = [*matrices.values(), matrices["u2"][5:25]]
    frames = ArchiveFrames(entries, [len(matrix) for matrix in stored], 5)
    tolerance = 0.05 if compression else 0
    for utterance, start in ((0, 0), (0, 15), (1, 7), (2, 35), (3, 5), (3, 11)):
        out = np.empty((15, 5), np.float32)
        frames.read(utterance, start, out)
        wanted = stored[utterance].take(np.arange(start, start + 15), axis=0, mode="wrap")
        np.testing.assert_allclose(out, wanted, atol=tolerance)
