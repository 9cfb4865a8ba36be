"""Conversations made of single utterances: who takes part, where speech is, and the directories they become."""

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from local.conversation_dirs import Recording, Utterance, clean_utterances, write_conversation_dir, write_raw_dir
from local.conversations import draw_conversations, draw_sizes, speech_bounds
from local.demo_corpus.turns import turn_order
from speechlib.io.audio import read_audio, write_wav
from speechlib.io.datadir import validate
from speechlib.io.maps import read_lists, read_map
from speechlib.io.rttm import read_rttm

RATE = 8000


def test_half_of_the_conversations_have_the_fewest_speakers():
    for number in (1, 7, 60):
        sizes = Counter(draw_sizes(number, 2, 7, np.random.default_rng(0)).tolist())
        assert sizes[2] == -(-number // 2) and sum(sizes.values()) == number
        others = [sizes[size] for size in range(3, 8)]
        assert max(others) - min(others) <= 1
    assert set(draw_sizes(9, 3, 3, np.random.default_rng(0)).tolist()) == {3}


def test_nobody_speaks_twice_in_a_row_where_it_can_be_avoided():
    rng = np.random.default_rng(1)
    for _ in range(200):
        turns = {name: int(rng.integers(0, 6)) for name in "abcd"[: rng.integers(1, 5)]}
        order = turn_order(turns, rng)
        assert Counter(order) == Counter({name: count for name, count in turns.items() if count})
        most = max(turns.values())
        avoidable = 2 * most <= sum(turns.values()) + 1
        assert not avoidable or all(a != b for a, b in zip(order, order[1:], strict=False)), (turns, order)


def test_conversations_are_fair_and_say_nothing_twice():
    spk2utt = {f"s{i}": [f"s{i}-{k}" for k in range(2 + i % 7)] for i in range(20)} | {"lonely": ["lonely-1"]}
    drawn = draw_conversations(spk2utt, 40, (2, 7), (3, 5), np.random.default_rng(2))
    parts = Counter(speaker for conversation in drawn for speaker in {name for name, _ in conversation})
    assert set(parts) == set(spk2utt) - {"lonely"} and max(parts.values()) - min(parts.values()) <= 1
    for conversation in drawn:
        utterances = [utterance for _, utterance in conversation]
        assert len(set(utterances)) == len(utterances)
        for speaker, count in Counter(speaker for speaker, _ in conversation).items():
            assert min(3, len(spk2utt[speaker])) <= count <= 5
        assert all(utterance in spk2utt[speaker] for speaker, utterance in conversation)
    assert drawn == draw_conversations(spk2utt, 40, (2, 7), (3, 5), np.random.default_rng(2))
    with pytest.raises(
        ValueError, match="conversations of 21 speakers need as many who have two utterances, there are 20"
    ):
        draw_conversations(spk2utt, 4, (2, 21), (3, 5), np.random.default_rng(2))


def spoken(rng, lead, speech, tail, level=3000.0):
    """Loud noise between quiet noise, seconds each."""
    sizes = [round(seconds * RATE) for seconds in (lead, speech, tail)]
    gains = np.repeat([10.0, level, 10.0], sizes)
    return gains * rng.normal(size=len(gains))


def test_where_speech_begins_and_ends():
    rng = np.random.default_rng(3)
    begin, end, quiet = speech_bounds(spoken(rng, 0.6, 1.5, 0.4), RATE)
    assert abs(begin / RATE - 0.5) <= 0.03 and abs(end / RATE - 2.2) <= 0.03 and 5 < quiet < 15
    click = spoken(rng, 0.6, 1.5, 0.4)
    click[1000:1080] = 20000
    assert speech_bounds(click, RATE)[:2] == (begin, end)
    for samples in (spoken(rng, 0, 2.0, 0), np.zeros(16000), np.full(16000, 77.0)):
        assert speech_bounds(samples, RATE)[:2] == (0, 16000)
    assert speech_bounds(np.ones(50), RATE)[:2] == (0, 50)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(4)
    scp, utt2spk = [], []
    for speaker in ("a", "b", "ç"):
        for index in range(4):
            name = f"{speaker}-{index}"
            write_wav(folder / f"{name}.wav", spoken(rng, 0.3, 0.4 + 0.1 * index, 0.2, 1000.0 * (index + 1)), RATE)
            scp.append(f"{name} {folder}/{name}.wav\n")
            utt2spk.append(f"{name} {speaker}\n")
    (folder / "wav.scp").write_text("".join(scp))
    (folder / "utt2spk").write_text("".join(utt2spk))
    return folder


def make(root, data, out, *options):
    return subprocess.run([root / "local/make_conversations.sh", *options, data, out], capture_output=True, text=True)


def test_made_conversations(root, data, tmp_path):
    out = tmp_path / "one" / "eval"
    done = make(root, data, out, "--num-conversations", "4", "--speakers", "2:3", "--turns", "2:3", "--seed", "5")
    assert done.returncode == 0, done.stderr
    assert "4 conversations, 3 speakers" in done.stdout
    segments, utt2spk = read_map(out / "segments"), read_map(out / "utt2spk")
    sources = {name: read_audio(path)[0] for name, path in read_map(data / "wav.scp").items()}
    for utterance, value in segments.items():
        recording, start, end = value.split()
        samples, rate = read_audio(read_map(out / "wav.scp")[recording], start=float(start), end=float(end))
        # exactly a piece of one of the speaker's own recordings
        begin = [
            name
            for name, source in sources.items()
            if len(source) >= len(samples)
            and (np.lib.stride_tricks.sliding_window_view(source, len(samples))[::80] == samples).all(axis=1).any()
        ]
        assert rate == RATE and [name[0] for name in begin] == [utt2spk[utterance]]
    lists = read_lists(out / "reco2utt")
    assert {name for names in lists.values() for name in names} == set(segments)
    assert all(names == sorted(names) for names in lists.values())
    counts = {name: str(len({utt2spk[utterance] for utterance in names})) for name, names in lists.items()}
    assert read_map(out / "reco2num_spk") == counts and sorted(counts.values()) == ["2", "2", "3", "3"]
    rttm = read_rttm(out / "ref.rttm")
    assert {name: len(turns) for name, turns in rttm.items()} == {name: len(names) for name, names in lists.items()}
    raw = out.with_name("eval_raw")
    assert (raw / "ref.rttm").read_text() == (out / "ref.rttm").read_text()
    assert read_map(raw / "wav.scp") == read_map(out / "wav.scp")
    samples, _ = read_audio(read_map(raw / "wav.scp")["eval001"])
    assert np.count_nonzero(samples[: 100 * 80].reshape(100, 80).any(axis=1)) == 100  # no digital silence

    again = tmp_path / "two" / "eval"
    make(root, data, again, "--num-conversations", "4", "--speakers", "2:3", "--turns", "2:3", "--seed", "5")
    other = tmp_path / "three" / "eval"
    make(root, data, other, "--num-conversations", "4", "--speakers", "2:3", "--turns", "2:3", "--seed", "6")
    waves = [[path.read_bytes() for path in sorted(made.rglob("*.wav"))] for made in (out, again, other)]
    assert waves[0] == waves[1] and not set(waves[0]) & set(waves[2])


def test_overlap_and_a_smaller_second_run(root, data, tmp_path):
    out = tmp_path / "eval"
    assert make(root, data, out, "--num-conversations", "3", "--speakers", "2").returncode == 0
    options = "--num-conversations", "1", "--speakers", "3", "--pause", "-0.6:-0.5", "--turns", "2"
    assert make(root, data, out, *options).returncode == 0
    assert [path.name for path in out.rglob("*.wav")] == ["eval001.wav"]
    turns = sorted(read_rttm(out / "ref.rttm")["eval001"])
    overlaps = [a.start + a.duration > b.start for a, b in zip(turns, turns[1:], strict=False)]
    assert len(turns) == 6 and any(overlaps)


def test_short_turns_are_pieces_of_the_speech(root, data, tmp_path):
    whole, short = tmp_path / "whole", tmp_path / "short"
    options = "--num-conversations", "2", "--speakers", "2", "--turns", "2", "--prefix", "c"
    assert make(root, data, whole, *options).returncode == 0
    longest = sorted(turn.duration for turns in read_rttm(whole / "ref.rttm").values() for turn in turns)
    most = round((longest[0] + longest[-1]) / 2, 2)  # some are cut, some are not
    assert make(root, data, short, *options, "--max-turn", str(most)).returncode == 0
    turns = read_rttm(short / "ref.rttm")
    durations = [turn.duration for own in turns.values() for turn in own]
    assert max(durations) == pytest.approx(most, abs=1e-3) and min(durations) == pytest.approx(longest[0], abs=1e-3)
    assert [[turn.speaker for turn in own] for own in turns.values()] == [
        [turn.speaker for turn in own] for own in read_rttm(whole / "ref.rttm").values()
    ]
    for name, own in turns.items():
        samples, rate = read_audio(read_map(short / "wav.scp")[name])
        assert max(turn.start + turn.duration for turn in own) <= len(samples) / rate + 1e-6
        for turn in own:
            piece = samples[round(turn.start * rate) : round((turn.start + turn.duration) * rate)]
            middle = piece[len(piece) * 2 // 5 : len(piece) * 3 // 5]
            assert np.abs(middle).mean() > 300  # speech, not what is before or after it


@pytest.mark.parametrize(
    "options, message",
    [
        (["--max-turn", "0.1"], "--max-turn 0.1: at least 0.2 seconds, or 0"),
        (["--max-turn", "nan"], "--max-turn nan"),
        (["--speakers", "2:7"], "conversations of 7 speakers need as many who have two utterances, there are 3"),
        (["--speakers", "3:2"], "'3:2': expected a range LO:HI with LO <= HI"),
        (["--speakers", "2:x"], "'2:x': expected a range"),
        (["--turns", "1:2"], "at least 1 speaker, and 2 turns of each"),
        (["--prefix", "two words"], "--prefix 'two words': expected one word"),
        (["--num-conversations", "0"], "--num-conversations is at least 1"),
    ],
)
def test_wrong_options(root, data, tmp_path, options, message):
    done = make(root, data, tmp_path / "out", *options)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_an_utterance_of_another_rate(root, data, tmp_path):
    copy = tmp_path / "data"
    copy.mkdir()
    write_wav(tmp_path / "odd.wav", spoken(np.random.default_rng(0), 0.1, 0.5, 0.1), 16000)
    (copy / "utt2spk").write_text((data / "utt2spk").read_text())
    (copy / "wav.scp").write_text((data / "wav.scp").read_text().replace(f"{data}/a-1.wav", str(tmp_path / "odd.wav")))
    done = make(root, copy, tmp_path / "out", "--speakers", "3", "--num-conversations", "1", "--turns", "4")
    assert done.returncode == 1 and "samples a second, others" in done.stderr


RECORDINGS = {"r": Recording("r.wav", 10.0, "r.wav"), "quiet": Recording("q.wav", 5.0, "q.wav")}


def test_utterances_are_cleaned(capsys):
    utterances = [
        Utterance("r", "é", 1.0, 2.0, text="one"),
        Utterance("r", "é", 1.5, 3.0, text="two"),
        Utterance("r", "é", 3.0, 3.5),
        Utterance("r", "b", 9.0, 10.4),
        Utterance("r", "b", 9.0, 10.6),
        Utterance("r", "b", 11.0, 12.0),
        Utterance("r", "b", 5.0, 5.0),
    ]
    bad = []
    kept = clean_utterances("test", RECORDINGS, utterances, bad)
    assert kept == [
        Utterance("r", "b", 9.0, 10.0),
        Utterance("r", "é", 1.0, 3.0, text="one two"),
        Utterance("r", "é", 3.0, 3.5),
    ]
    assert sorted(reason for _, reason, _ in bad) == ["invalid", "out-of-range", "out-of-range"]
    assert "recording r: b from 9 s to 10.6 s: beyond its end at 10 s" in bad[1][2]
    assert "1 utterances overlap others of their speaker: joined" in capsys.readouterr().err


def test_the_directories(tmp_path, capsys):
    utterances = [
        Utterance("r", "é", 1.0, 2.0, 1),
        Utterance("r", "b", 1.5, 3.0, 0),
        Utterance("r", "b", 4.0, 4.1, 0),
    ]
    size = write_conversation_dir("test", tmp_path / "data", RECORDINGS, utterances)
    assert size.startswith("1 conversations, 2 speakers, 2 utterances")
    assert "1 utterances of at most 0.1 s are left out: b-r-00004000-00004100" in capsys.readouterr().err
    assert (tmp_path / "data/segments").read_text() == (
        "b-r-00001500-00003000 r 1.500 3.000 0\né-r-00001000-00002000 r 1.000 2.000 1\n"
    )
    assert (tmp_path / "data/reco2num_spk").read_text() == "r 2\n"
    assert not validate(tmp_path / "data", require_feats=False, require_text=False)
    (tmp_path / "data/feats.scp").write_text("stale\n")
    write_conversation_dir("test", tmp_path / "data", RECORDINGS, utterances)
    assert not (tmp_path / "data/feats.scp").exists()

    write_raw_dir(tmp_path / "raw", RECORDINGS, utterances, ["r 1 0.000 9.000"])
    assert (tmp_path / "raw/wav.scp").read_text() == "quiet q.wav\nr r.wav\n"
    assert len(read_rttm(tmp_path / "raw/ref.rttm")["r"]) == 3  # a short turn is a turn
    assert (tmp_path / "raw/all.uem").read_text() == "r 1 0.000 9.000\n"
    write_raw_dir(tmp_path / "raw", RECORDINGS, utterances)
    assert not (tmp_path / "raw/all.uem").exists()
    assert not validate(tmp_path / "raw", require_feats=False, require_text=False)
    with pytest.raises(ValueError, match="there is no utterance to write"):
        write_conversation_dir("test", tmp_path / "data", RECORDINGS, [])
