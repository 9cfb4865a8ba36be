"""Tests of the validator: every problem is found, with its file, line and mend; and fixing mends what can be mended."""

import pytest

from speechlib.io.datadir import validate
from speechlib.io.datadir_fix import fix_data_dir

GOOD = {
    "utt2spk": "a-1 a\na-2 a\nb-1 b\n",
    "spk2utt": "a a-1 a-2\nb b-1\n",
    "wav.scp": "r1 r1.wav\nr2 sox r2.flac -t wav - |\n",
    "segments": "a-1 r1 0 1.5\na-2 r1 1.5 3\nb-1 r2 0.25 -1\n",
    "reco2file_and_channel": "r1 r1 A\nr2 r2 B\n",
    "reco2dur": "r1 3\nr2 9.5\n",
    "text": "a-1 HELLO YOU\na-2 SEE YOU\nb-1 Grüße\n",
    "feats.scp": "a-1 f.ark:4\na-2 f.ark:90\nb-1 f.ark:180[0:9]\n",
    "vad.scp": "a-1 v.ark:4\na-2 v.ark:90\nb-1 v.ark:180\n",
    "cmvn.scp": "a c.ark:2\nb c.ark:100\n",
    "spk2gender": "a m\nb f\n",
    "spk2age": "a 31\nb 8\n",
    "utt2dur": "a-1 1.5\na-2 1.5\nb-1 9.25\n",
    "utt2num_frames": "a-1 150\na-2 150\nb-1 925\n",
    "utt2emotion": "a-1 joy\na-2 neutral\nb-1 anger\n",
    "utt2uniq": "a-1 a-1\na-2 a-2\nb-1 b-1\n",
    "phones.ctm": "r1 1 0.00 0.10 sh\nr1 1 0.10 0.05 iy\nb-1 1 0 0.2 h#\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, content in GOOD.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def found(folder, **options):
    return [
        f"{problem.file.rpartition('/')[2]}:{problem.line}: {problem.message}"
        for problem in validate(folder, **options)
    ]


def test_a_good_directory(folder):
    warnings = []
    assert validate(folder, warnings=warnings) == []
    assert warnings == []


def test_tabs_are_separators(folder):
    for name, content in GOOD.items():
        if not name.endswith("2utt"):
            (folder / name).write_text("".join(line.replace(" ", "\t", 1) for line in content.splitlines(True)))
    assert validate(folder) == []


# file, its contents, and what must be said; a replaced file may have consequences in others
BAD = [
    ("utt2spk", "a-1 a\nb-1 b\na-2 a\n", "utt2spk:3: 'a-2' comes after 'b-1': not sorted as LC_ALL=C sorts"),
    ("utt2spk", "a-1 a\na-1 a\na-2 a\nb-1 b\n", "utt2spk:2: 'a-1' was there already in line 1"),
    ("utt2spk", "a-1 a\na-2\nb-1 b\n", "utt2spk:2: expected 2 fields, found 1: 'a-2'"),
    ("utt2spk", "a-1 a x\na-2 a\nb-1 b\n", "utt2spk:1: expected 2 fields, found 3: 'a-1 a x'"),
    ("utt2spk", "a-1 a\n\na-2 a\nb-1 b\n", "utt2spk:2: blank line"),
    ("utt2spk", "a-1 a\n \na-2 a\nb-1 b\n", "utt2spk:2: blank line"),
    ("utt2spk", "a-1 a\n a-2 a\nb-1 b\n", "utt2spk:2: begins with a blank: ' a-2 a'"),
    ("utt2spk", "a-1 a\na-2 a\nb-1 b", "utt2spk:3: the last line has no newline"),
    ("utt2spk", "", "utt2spk:0: the file is empty"),
    ("utt2spk", None, "utt2spk:0: no such file"),
    ("utt2spk", "a-1 b\na-2 a\nb-1 b\n", "utt2spk:2: speaker 'a' comes after 'b': not sorted by speaker"),
    ("spk2utt", None, "spk2utt:0: no such file"),
    ("spk2utt", "a a-1 a-2\n", "spk2utt:0: does not list utterance 'b-1' of utt2spk line 3"),
    ("spk2utt", "a a-1 a-2\nb b-1 b-2\n", "spk2utt:2: lists utterance 'b-2', which utt2spk does not have"),
    ("spk2utt", "a a-1 a-2\nb a-2 b-1\n", "spk2utt:2: lists utterance 'a-2' a second time"),
    ("spk2utt", "a a-1\nb a-2 b-1\n", "spk2utt:2: gives 'a-2' to 'b', utt2spk to 'a'"),
    ("spk2utt", "a a-2 a-1\nb b-1\n", "spk2utt:1: the utterances of 'a' are not sorted"),
    ("spk2utt", "a a-1 a-2\nb\n", "spk2utt:2: 'b' has no value"),
    ("wav.scp", None, "wav.scp:0: no such file"),
    ("wav.scp", "r1 r1.wav\n", "wav.scp:0: no line for recording 'r2' of segments"),
    ("wav.scp", "r1 r1.wav\nr2 r2.wav\nr3 r3.wav\n", "wav.scp:3: recording 'r3' is not in segments"),
    ("wav.scp", "r1 ~/r1.wav\nr2 r2.wav\n", "wav.scp:1: a path that begins with ~ is not found"),
    ("wav.scp", "r1\nr2 r2.wav\n", "wav.scp:1: 'r1' has no value"),
    ("wav.scp", "r1 r1.wav\r\nr2 r2.wav\r\n", "wav.scp:2: has a carriage return"),
    ("wav.scp", b"r1 r\xe9.wav\nr2 r2.wav\n", "wav.scp:1: has bytes that are not UTF-8"),
    ("wav.scp", "r1 r\x011.wav\nr2 r2.wav\n", "wav.scp:1: has a control character"),
    ("wav.scp", "\ufeffr1 r1.wav\nr2 r2.wav\n", "wav.scp:1: begins with a byte-order mark"),
    (
        "segments",
        "a-1 r1 0 1.5\na-2 r1 3 2\nb-1 r2 0 1\n",
        "segments:2: expected '<utterance> <recording> <start> <end> [<channel>]'",
    ),
    ("segments", "a-1 r1 -1 1.5\na-2 r1 2 3\nb-1 r2 0 1\n", "segments:1: expected '<utterance> <recording>"),
    ("segments", "a-1 r1 0 nan\na-2 r1 2 3\nb-1 r2 0 1\n", "segments:1: expected '<utterance> <recording>"),
    ("segments", "a-1 r1 0\na-2 r1 2 3\nb-1 r2 0 1\n", "segments:1: expected '<utterance> <recording>"),
    ("segments", "a-1 r1 0 x\na-2 r1 2 3\nb-1 r2 0 1\n", "segments:1: expected '<utterance> <recording>"),
    ("segments", "a-1 r1 0 1\na-2 r1 2 3.6\nb-1 r2 0 1\n", "segments:2: reaches beyond the recording, which is 3 s"),
    ("segments", "a-1 r1 0 1\na-2 r9 2 3\nb-1 r2 0 1\n", "wav.scp:0: no line for recording 'r9' of segments"),
    ("segments", "a-1 r1 0 1\nb-1 r2 0 1\n", "segments:0: no line for utterance 'a-2' of utt2spk"),
    ("segments", "a-2 r1 0 1\na-1 r1 1 2\nb-1 r2 0 1\n", "segments:2: 'a-1' comes after 'a-2': not sorted"),
    ("reco2file_and_channel", "r1 r1 A\nr2 r2 C\n", "reco2file_and_channel:2: channel 'C', expected A or B"),
    ("reco2file_and_channel", "r1 r1\nr2 r2 B\n", "reco2file_and_channel:1: expected 3 fields, found 2"),
    ("reco2dur", "r1 3\nr2 0\n", "reco2dur:2: 'r2' has '0', expected seconds above 0"),
    ("text", None, "text:0: no such file"),
    ("text", "a-1 X\nb-1 Y\n", "text:0: no line for utterance 'a-2' of utt2spk"),
    ("text", "a-1 X\na-2 <s> Y\nb-1 Y\n", "text:2: has one of the reserved symbols"),
    ("text", "a-1 X\na-2 Y\nb-1 Y\nb-2 Z\n", "text:4: utterance 'b-2' is not in utt2spk"),
    ("text", "a-1 X\na-2 \x07Y\nb-1 Y\n", "text:2: has a control character"),
    ("feats.scp", None, "feats.scp:0: no such file"),
    ("feats.scp", "a-1 f.ark:4\nb-1 f.ark:180\n", "feats.scp:0: no line for utterance 'a-2' of utt2spk"),
    ("vad.scp", "a-1 f.ark:4\nb-1 f.ark:180\n", "vad.scp:0: no line for utterance 'a-2' of utt2spk"),
    ("cmvn.scp", "a c.ark:4\n", "cmvn.scp:0: no line for speaker 'b' of utt2spk"),
    ("spk2gender", "a m\nb female\n", "spk2gender:2: 'b' has 'female', expected m or f"),
    ("spk2gender", "a m\n", "spk2gender:0: no line for speaker 'b' of utt2spk"),
    ("spk2age", "a 3\nb 4\nc 5\n", "spk2age:3: speaker 'c' is not in utt2spk"),
    ("utt2dur", "a-1 1\na-2 0\nb-1 1\n", "utt2dur:2: 'a-2' has '0', expected seconds above 0"),
    ("utt2dur", "a-1 1\na-2 nan\nb-1 1\n", "utt2dur:2: 'a-2' has 'nan', expected seconds above 0"),
    ("utt2dur", "a-1 1\na-2 1_0\nb-1 1\n", "utt2dur:2: 'a-2' has '1_0', expected seconds above 0"),
    ("utt2num_frames", "a-1 1\na-2 2.5\nb-1 1\n", "utt2num_frames:2: 'a-2' has '2.5', expected a whole number above 0"),
    ("utt2num_frames", "a-1 1\na-2 00\nb-1 1\n", "utt2num_frames:2: 'a-2' has '00', expected a whole number above 0"),
    ("utt2emotion", "a-1 joy\na-2 joy\na-9 joy\n", "utt2emotion:3: utterance 'a-9' is not in utt2spk"),
    ("utt2uniq", "a-1 x\n", "utt2uniq:0: no line for utterance 'a-2' of utt2spk"),
    ("spk2warp", "a 1.1\nb 2\n", "spk2warp:2: 'b' has '2', expected a factor between 0.5 and 1.5"),
    ("phones.ctm", "r1 1 0 0.1 sh\nr1 1 0.1 iy\n", "phones.ctm:2: expected '<utterance or recording> <channel>"),
    ("phones.ctm", "r9 1 0 0.1 sh\n", "phones.ctm:1: 'r9' is neither utterance nor recording"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_problem_is_named_with_file_and_line(folder, name, content, message):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert any(line.startswith(message) for line in found(folder)), found(folder)
    assert all(problem.mend for problem in validate(folder))


def test_all_problems_are_told_but_not_each_of_a_thousand(folder):
    (folder / "utt2dur").write_text("a-1 1\na-2 -1\nb-1 0\n" + "".join(f"c-{i:04d} 1\n" for i in range(1000)))
    (folder / "text").write_text("a-1 X\na-2 Y\n")
    lines = found(folder)
    assert "utt2dur:2: 'a-2' has '-1', expected seconds above 0" in lines
    assert "utt2dur:3: 'b-1' has '0', expected seconds above 0" in lines
    assert "text:0: no line for utterance 'b-1' of utt2spk" in lines
    assert "utt2dur:0: 995 more: not in utt2spk" in lines
    assert len(lines) == 9


def test_what_is_not_required(folder):
    for name in ("segments", "wav.scp", "reco2dur", "reco2file_and_channel", "feats.scp", "text", "phones.ctm"):
        (folder / name).unlink()
    assert len(validate(folder)) == 3
    assert validate(folder, require_wav=False, require_feats=False, require_text=False) == []


def test_orders_may_disagree_by_option(folder):
    (folder / "utt2spk").write_text("a-1 b\na-2 a\nb-1 b\n")
    (folder / "spk2utt").write_text("a a-2\nb a-1 b-1\n")
    assert len(validate(folder)) == 1
    assert validate(folder, spk_sort=False) == []


def test_warnings(folder):
    for name, old, new in (("utt2spk", " a", " 0"), ("utt2spk", " b", " 1")):
        (folder / name).write_text((folder / name).read_text().replace(old, new))
    for name in ("spk2utt", "cmvn.scp", "spk2gender", "spk2age"):
        (folder / name).write_text((folder / name).read_text().replace("a ", "0 ", 1).replace("\nb ", "\n1 "))
    (folder / "text").write_text("a-1\na-2 Y\nb-1 Z\n")
    (folder / "utt2emotion").write_text("a-1 joy\n")
    warnings = []
    assert validate(folder, warnings=warnings) == []
    text = "\n".join(map(str, warnings))
    assert "utt2spk:1: 'a-1' does not begin with its speaker '0'" in text
    assert "text:1: 'a-1' has no words" in text
    assert "utt2emotion: no line for utterance 'a-2'" in text


def test_statistics_may_be_by_utterance(folder):
    (folder / "cmvn.scp").write_text("a-1 c.ark:2\na-2 c.ark:7\nb-1 c.ark:9\n")
    assert validate(folder) == []


def test_no_directory(tmp_path):
    assert "no such data directory" in str(validate(tmp_path / "none")[0])


def test_fixing_a_good_directory_changes_nothing(folder):
    fix_data_dir(folder)
    for name, content in GOOD.items():
        assert (folder / name).read_text() == content
        assert (folder / ".backup" / name).read_text() == content


# Only a person knows what was meant, or fixing has its own test.
UNMENDABLE = ("female", "\x01", "~", "<s>", "1_0", "r2 C", "r1 r1\n", "\x07", "b 2\n", "a-2 r1 2 3.6", "a-1 b\n")
MENDABLE = [
    (name, content)
    for name, content, _ in BAD
    if isinstance(content, str) and content and name != "phones.ctm" and not any(mark in content for mark in UNMENDABLE)
]


@pytest.mark.parametrize(("name", "content"), MENDABLE)
def test_fixing_mends_what_can_be_mended(folder, name, content):
    (folder / name).write_text(content, newline="")
    assert validate(folder)
    fix_data_dir(folder)
    assert found(folder) == []
    assert (folder / ".backup" / name).read_bytes() == content.encode()


def test_fixing_tells_what_it_removes(folder):
    (folder / "feats.scp").write_text("b-1 f.ark:1\na-1 f.ark:2\n")
    (folder / "utt2dur").write_text("a-1 1\n")
    (folder / "labels").write_text("a-1 x\na-2 y\nb-1 z\n")
    told = []
    assert fix_data_dir(folder, utt_extra_files=["labels"], tell=told.append) == 2
    assert "sorted feats.scp" in told
    assert "removing 1 utterances that feats.scp does not have, e.g. 'a-2'" in told
    assert "kept 2 utterances out of 3" in told
    assert "removed utt2dur, which lacks 1 lines: make it anew" in told
    assert (folder / "labels").read_text() == "a-1 x\nb-1 z\n"
    assert (folder / "spk2utt").read_text() == "a a-1\nb b-1\n"
    assert validate(folder) == []


def test_utterances_without_a_frame_are_removed(folder):
    (folder / "utt2num_frames").write_text("a-1 150\na-2 0\nb-1 925\n")
    (problem,) = validate(folder)
    assert problem.line == 2 and "utils/fix_data_dir.sh" in problem.mend
    told = []
    assert fix_data_dir(folder, tell=told.append) == 2
    assert any("utt2num_frames" in message and "'a-2'" in message for message in told)
    assert (folder / "utt2num_frames").read_text() == "a-1 150\nb-1 925\n"
    assert validate(folder) == []


def test_only_the_files_about_audio(folder):
    (folder / "feats.scp").write_text("a-1 f.ark:1\n")
    (folder / "text").unlink()
    assert validate(folder)
    assert validate(folder, only_audio=True) == []
    (folder / "wav.scp").unlink()
    assert validate(folder, only_audio=True)


def test_fixing_refuses_to_empty_a_directory(folder):
    (folder / "text").write_text("x-1 X\n")
    with pytest.raises(ValueError, match="no utterance remains: text has none"):
        fix_data_dir(folder)
    assert (folder / "utt2spk").read_text() == GOOD["utt2spk"]


def test_an_empty_utt2spk_is_the_only_problem(folder):
    (folder / "utt2spk").write_text("")
    assert found(folder) == ["utt2spk:0: the file is empty"]
    with pytest.raises(ValueError, match="utt2spk: no line that can be read"):
        fix_data_dir(folder)


def test_fixing_cannot_rename(folder):
    (folder / "utt2spk").write_text("a-1 b\na-2 a\nb-1 b\n")
    with pytest.raises(ValueError, match=r"utt2spk:2: sorted by utterance it is not sorted by speaker"):
        fix_data_dir(folder)


def test_fixing_does_not_write_through_a_link(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "text"
    other.write_text("b-1 Z\na-1 X\na-2 Y\n")
    (folder / "text").unlink()
    (folder / "text").symlink_to(other)
    fix_data_dir(folder)
    assert other.read_text() == "b-1 Z\na-1 X\na-2 Y\n"
    assert (folder / "text").read_text() == "a-1 X\na-2 Y\nb-1 Z\n"
