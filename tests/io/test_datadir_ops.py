"""Tests of split, combine, subset and copy: properties on random directories, and what is refused."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlib.io import datadir_files as files
from speechlib.io.datadir import DataDir, validate
from speechlib.io.datadir_fix import fix_data_dir
from speechlib.io.datadir_ops import choose_utterances, combine_data, copy_data_dir, subset_data_dir
from speechlib.io.datadir_split import balance, split_data
from speechlib.io.tables import open_table

SPEAKERS = st.lists(st.text(alphabet="abß-\U0001f600", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)
FEW = settings(max_examples=25, deadline=None)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@st.composite
def data_dirs(draw):
    """Files of a random directory: with or without segments, text with tabs, statistics by speaker or utterance."""
    sizes = {speaker: draw(st.integers(1, 5)) for speaker in sorted(draw(SPEAKERS))}
    # The slash sorts before letters and after the hyphen: ids of one speaker may stand between those of another.
    rows = sorted((f"{speaker}/{number:02d}", speaker) for speaker, size in sizes.items() for number in range(size))
    has_segments = draw(st.booleans())
    recording = {utt: f"r{draw(st.integers(0, 3))}" if has_segments else utt for utt, _ in rows}
    recordings = sorted(set(recording.values()))
    speakers = sorted(sizes)
    lines = {
        "utt2spk": [f"{utt} {speaker}" for utt, speaker in rows],
        "spk2utt": [" ".join([speaker, *(u for u, s in rows if s == speaker)]) for speaker in speakers],
        "wav.scp": [f"{name} sox {name}.flac -t wav - |" for name in recordings],
        "text": [f"{utt}\tWÖRTER  {i}" for i, (utt, _) in enumerate(rows)],
        "utt2emotion": [f"{utt} joy" for utt, _ in rows],
        "utt2dur": [f"{utt} {1 + i}.5" for i, (utt, _) in enumerate(rows)],
        "spk2gender": [f"{speaker} f" for speaker in speakers],
        "phones.ctm": [f"{name} 1 {i}.0 1.0 p{i}" for name in recordings for i in range(3)],
    }
    if has_segments:
        lines["segments"] = [f"{utt} {recording[utt]} {i} {i + 2.5}" for i, (utt, _) in enumerate(rows)]
    if draw(st.booleans()):
        lines["cmvn.scp"] = [f"{key} c.ark:{i}" for i, key in enumerate(draw(st.sampled_from([speakers, recording])))]
    return {name: "".join(f"{line}\n" for line in content).encode() for name, content in lines.items()}


def write(folder, data_dir):
    folder.mkdir()
    for name, content in data_dir.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def speaker_dir(tmp_path):
    rows = [(f"s{s}-{i}", f"s{s}") for s, size in enumerate([3, 1, 4, 2]) for i in range(size)]
    utt2spk = "".join(f"{utt} {speaker}\n" for utt, speaker in rows)
    return write(tmp_path / "data", {"utt2spk": utt2spk.encode(), "utt2num_frames": b"".join(
        f"{utt} {100 - i}\n".encode() for i, (utt, _) in enumerate(rows))})  # fmt: skip


@FEW
@given(data_dir=data_dirs(), data=st.data())
def test_split_then_combine_is_identity(tmp_path_factory, data_dir, data):
    folder = write(tmp_path_factory.mktemp("split") / "data", data_dir)
    per_utt = data.draw(st.booleans())
    most = len(data_dir["utt2spk" if per_utt else "spk2utt"].split(b"\n")) - 1
    num_jobs = data.draw(st.integers(1, most))
    target = split_data(folder, num_jobs, per_utt)
    assert target == folder / f"split{num_jobs}{'utt' if per_utt else ''}"
    parts = [target / str(job) for job in range(1, num_jobs + 1)]
    assert sorted(path.name for path in target.iterdir() if path.is_dir()) == sorted(part.name for part in parts)
    sizes = [len(DataDir(part).utterances()) for part in parts]
    assert min(sizes) > 0
    if per_utt:
        assert max(sizes) - min(sizes) <= 1
    else:
        lists = [DataDir(part).speakers() for part in parts]
        assert len({speaker for part in lists for speaker in part}) == sum(map(len, lists))
    for part in parts:
        assert not [
            p for p in validate(part, require_feats=False, spk_sort=False) if p.file.endswith(("scp", "segments"))
        ]
    whole = folder.parent / "whole"
    combine_data(whole, data.draw(st.permutations(parts)))
    assert contents(whole) == data_dir


@FEW
@given(data_dir=data_dirs(), utt=st.sampled_from(["x-", "ß", ""]), suffix=st.sampled_from(["", "-noise", "0"]))
def test_copy_with_affixes_can_be_undone(tmp_path_factory, data_dir, utt, suffix):
    folder = write(tmp_path_factory.mktemp("copy") / "data", data_dir)
    copy = folder.parent / "copy"
    copy_data_dir(folder, copy, utt_prefix=utt, utt_suffix=suffix, spk_prefix=utt)
    old, new = DataDir(folder), DataDir(copy)
    assert new.utterances() == sorted(f"{utt}{key}{suffix}" for key in old.utterances())
    assert new.speakers() == sorted(f"{utt}{key}" for key in old.speakers())
    if utt + suffix:
        assert new.map("utt2uniq") == {f"{utt}{key}{suffix}": key for key in old.utterances()}
    for name in ("text", "utt2emotion", "utt2dur"):
        assert new.map(name) == {f"{utt}{key}{suffix}": value for key, value in old.map(name).items()}
    if old.segments:
        assert new.wav_scp == old.wav_scp
        assert list(new.segments.values()) == [old.segments[new.map("utt2uniq")[k] if utt + suffix else k]
                                               for k in new.segments]  # fmt: skip
    back = folder.parent / "back"
    back.mkdir()
    for name, content in contents(copy).items():  # undo by the letters, which occur nowhere else at a key's ends
        if name not in ("utt2uniq", "spk2utt", "utt2spk"):
            lines = [line.split(None, 1) for line in content.decode().splitlines()]
            kind = files.index_of(name)
            is_renamed = kind == files.UTTERANCE or name == "cmvn.scp" or (kind != files.SPEAKER and not old.segments)
            by_speaker = kind == files.SPEAKER and not (
                name == "cmvn.scp" and old.cmvn_scp.keys() != old.spk2utt.keys()
            )
            for fields in lines if is_renamed or by_speaker else ():
                fields[0] = (
                    fields[0].removeprefix(utt) if by_speaker else fields[0].removeprefix(utt).removesuffix(suffix)
                )
            (back / name).write_text("".join(f"{key} {rest}\n" for key, rest in sorted(lines, key=lambda f: f[0])))
            assert (back / name).read_bytes() == data_dir[name].replace(b"\t", b" ")


@FEW
@given(data_dir=data_dirs(), how=st.sampled_from(["random", "first", "last", "shortest", "per-spk", "speakers"]),
       data=st.data())  # fmt: skip
def test_subsets(tmp_path_factory, data_dir, how, data):
    folder = write(tmp_path_factory.mktemp("subset") / "data", data_dir)
    old = DataDir(folder)
    count = data.draw(st.integers(1, len(old.utterances())))
    chosen = [key.decode() for key in choose_utterances(folder, count, how, seed=3)]
    assert chosen == [key.decode() for key in choose_utterances(folder, count, how, seed=3)]
    assert chosen == sorted(chosen)
    subset = folder.parent / "subset"
    subset_data_dir(folder, [key.encode() for key in chosen], subset)
    new = DataDir(subset)
    assert new.utterances() == chosen
    if how in ("random", "first", "last", "shortest"):
        assert len(chosen) == count
    elif how == "per-spk":
        for speaker, utterances in old.spk2utt.items():
            assert len(new.spk2utt[speaker]) == min(count, len(utterances))
    else:
        assert len(chosen) >= count
        assert all(new.spk2utt[speaker] == old.spk2utt[speaker] for speaker in new.spk2utt)
    if how == "shortest":
        assert max(new.utt2dur.values()) <= min([old.utt2dur[u] for u in old.utterances() if u not in chosen] or [1e9])
    assert set(new.wav_scp) == {rec for rec, _, _ in new.segments.values()} if new.segments else set(chosen)
    assert set(new.spk2gender) == set(new.spk2utt)
    before = contents(subset)
    fix_data_dir(subset) if validate(subset, require_feats=False) == [] else None
    assert contents(subset) == before


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.data())
def test_balance_leaves_no_part_empty_and_cannot_be_bettered_by_one_speaker(counts, data):
    num_jobs = data.draw(st.integers(1, len(counts)))
    borders = balance(counts, num_jobs)
    assert borders[0] == 0 and borders[-1] == len(counts)
    parts = [counts[first:last] for first, last in zip(borders, borders[1:], strict=False)]
    assert len(parts) == num_jobs and all(parts)
    for left, right in zip(parts, parts[1:], strict=False):
        difference = abs(sum(left) - sum(right))
        assert abs(sum(left) - sum(right) - 2 * left[-1]) >= difference
        assert abs(sum(left) - sum(right) + 2 * right[0]) >= difference


def test_a_split_is_made_once_and_anew_after_a_change(speaker_dir):
    target = split_data(speaker_dir, 2)
    first = (target / "1" / "utt2spk").stat()
    split_data(speaker_dir, 2)
    assert (target / "1" / "utt2spk").stat() == first
    (speaker_dir / "spk2age").write_text("s0 1\ns1 2\ns2 3\ns3 4\n")
    split_data(speaker_dir, 2)
    assert (target / "2" / "spk2age").read_text() == "s2 3\ns3 4\n"
    (speaker_dir / "spk2age").unlink()
    split_data(speaker_dir, 2)
    assert not (target / "2" / "spk2age").exists()
    (target / "2" / "utt2spk").unlink()
    split_data(speaker_dir, 2)
    assert (target / "2" / "utt2spk").exists()


def test_what_a_killed_split_left_is_cleaned_up(speaker_dir):
    (speaker_dir / ".split2.1.tmp" / "1").mkdir(parents=True)
    split_data(speaker_dir, 2)
    assert sorted(path.name for path in speaker_dir.iterdir()) == ["split2", "utt2num_frames", "utt2spk"]


def test_splits_at_once(speaker_dir):
    threads = [threading.Thread(target=split_data, args=(speaker_dir, 1 + i % 3)) for i in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for num_jobs in (1, 2, 3):
        parts = [speaker_dir / f"split{num_jobs}" / str(job) / "utt2spk" for job in range(1, num_jobs + 1)]
        assert b"".join(part.read_bytes() for part in parts) == (speaker_dir / "utt2spk").read_bytes()


def test_too_many_parts(speaker_dir):
    with pytest.raises(
        ValueError, match="into 5 parts by speaker: it has 4 speakers; use at most that many.*--per-utt"
    ):
        split_data(speaker_dir, 5)
    with pytest.raises(ValueError, match="into 11 parts: it has 10 utterances"):
        split_data(speaker_dir, 11, per_utt=True)
    with pytest.raises(ValueError, match="must be at least 1"):
        split_data(speaker_dir, 0)
    assert sorted(path.name for path in speaker_dir.iterdir()) == ["utt2num_frames", "utt2spk"]


def test_a_split_warns_of_files_that_disagree(speaker_dir):
    (speaker_dir / "feats.scp").write_text("s0-0 f.ark:1\n")
    told = []
    split_data(speaker_dir, 2, warn=told.append)
    assert len(told) == 1 and "feats.scp has lines for 1 of the 10 utterances" in told[0]


def test_the_shortest_by_features_alone(tmp_path):
    lengths = {"a": 5, "b": 2, "c": 9, "d": 3}
    (tmp_path / "utt2spk").write_text("".join(f"{key} {key}\n" for key in lengths))
    with open_table(f"ark,scp:{tmp_path}/f.ark,{tmp_path}/feats.scp") as writer:
        for key, length in lengths.items():
            writer.write(key, np.zeros((length, 2), np.float32))
    assert choose_utterances(tmp_path, 2, "shortest") == [b"b", b"d"]


def test_choices_that_cannot_be(speaker_dir):
    for how in ("random", "first", "last", "shortest"):
        with pytest.raises(ValueError, match="cannot choose 11 utterances of .*: it has 10"):
            choose_utterances(speaker_dir, 11, how)
    with pytest.raises(ValueError, match="ask for at least 1"):
        choose_utterances(speaker_dir, 0)
    (speaker_dir / "utt2num_frames").unlink()
    with pytest.raises(ValueError, match="none is there; run first: utils/data/get_utt2dur.sh"):
        choose_utterances(speaker_dir, 1, "shortest")
    with pytest.raises(ValueError, match="none of the 1 wanted utterances is in utt2spk"):
        subset_data_dir(speaker_dir, [b"x"], speaker_dir.parent / "new")
    assert not (speaker_dir.parent / "new").exists()
    with pytest.raises(ValueError, match="both source and target"):
        subset_data_dir(speaker_dir, [b"s0-0"], speaker_dir)


def test_seeds_differ(speaker_dir):
    assert len({tuple(choose_utterances(speaker_dir, 3, seed=seed)) for seed in range(20)}) > 10


def test_files_of_an_earlier_directory_go(speaker_dir, tmp_path):
    new = write(tmp_path / "new", {"utt2spk": b"z z\n", "text": b"z Z\n", "run.log": b"kept"})
    subset_data_dir(speaker_dir, [b"s0-0"], new)
    assert sorted(contents(new)) == ["run.log", "spk2utt", "utt2num_frames", "utt2spk"]


def test_a_link_in_the_target_is_replaced_not_followed(speaker_dir, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    (new / "utt2spk").symlink_to(speaker_dir / "utt2spk")
    before = contents(speaker_dir)
    subset_data_dir(speaker_dir, [b"s0-0"], new)
    assert contents(speaker_dir) == before
    assert (new / "utt2spk").read_text() == "s0-0 s0\n"


def test_combining_different_directories(tmp_path):
    a = write(tmp_path / "a", {"utt2spk": b"a-1 a\n", "wav.scp": b"r r.wav\n", "segments": b"a-1 r 0 1\n",
                               "utt2uniq": b"a-1 x\n", "text": b"a-1 X\n", "cmvn.scp": b"a c.ark:1\n"})  # fmt: skip
    b = write(tmp_path / "b", {"utt2spk": b"b-1 b\nb-2 a\n", "wav.scp": b"b-1 1.wav\nb-2 2.wav\n",
                               "cmvn.scp": b"a c.ark:9\nb c.ark:5\n"})  # fmt: skip
    with pytest.raises(ValueError, match="has no segments, other directories have.*get_utt2dur.sh"):
        combine_data(tmp_path / "c", [a, b])
    assert not list((tmp_path / "c").iterdir())
    (b / "utt2dur").write_text("b-1 3\nb-2 4.5\n")
    told = []
    combine_data(tmp_path / "c", [a, b], tell=told.append)
    assert (tmp_path / "c" / "segments").read_text() == "a-1 r 0 1\nb-1 b-1 0 3\nb-2 b-2 0 4.5\n"
    assert (tmp_path / "c" / "utt2uniq").read_text() == "a-1 x\nb-1 b-1\nb-2 b-2\n"
    assert (tmp_path / "c" / "spk2utt").read_text() == "a a-1 b-2\nb b-1\n"
    assert any(message.startswith("not combining text as ") for message in told)
    assert any(message.startswith("not combining cmvn.scp: a speaker has other statistics") for message in told)
    assert not (tmp_path / "c" / "text").exists()


def test_combining_what_contradicts_itself(tmp_path):
    a = write(tmp_path / "a", {"utt2spk": b"u a\n", "text": b"u X\n"})
    b = write(tmp_path / "b", {"utt2spk": b"u a\n", "text": b"u Y\n"})
    with pytest.raises(ValueError, match="cannot combine text of .*'u' has two different lines; rename"):
        combine_data(tmp_path / "c", [a, b])
    with pytest.raises(ValueError, match="both source and target"):
        combine_data(a, [a, b])
    with pytest.raises(FileNotFoundError, match="labels: no such file"):
        combine_data(tmp_path / "c", [a], extra_files=["labels"])
    with pytest.raises(FileNotFoundError, match="no such data directory"):
        combine_data(tmp_path / "c", [a, tmp_path / "none"])


def test_a_blank_in_a_prefix(speaker_dir, tmp_path):
    with pytest.raises(ValueError, match="has a blank"):
        copy_data_dir(speaker_dir, tmp_path / "new", utt_prefix="a b")
