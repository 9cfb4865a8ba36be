"""The corpora of egs/callhome: LDC CALLHOME, disk 8 of SRE 2000, recordings with RTTM, utterances; kind errors."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from local.demo_corpus.sphere import encode_mulaw_sphere
from speechlib.io.audio import read_audio, write_wav
from speechlib.io.maps import read_lists, read_map
from speechlib.io.rttm import read_rttm

RATE = 8000
LINES = """# a comment
0.50 2.00 A: hello

1.80 3.10 B1: %um, yes
 and on it goes
3.50 4.00 A1: [[distortion]] who is it
4.20 4.90 B: ((me))
"""


def prepare(root: Path, corpus: Path, out: Path, *options) -> subprocess.CompletedProcess:
    script = root / "egs/callhome/local/prepare_corpus.sh"
    return subprocess.run([script, *options, corpus, out], capture_output=True, text=True)


def noise(seed: int, seconds: float, channels: int | None = None) -> np.ndarray:
    shape = round(seconds * RATE) if channels is None else (round(seconds * RATE), channels)
    return np.random.default_rng(seed).integers(-3000, 3000, shape, dtype=np.int16)


def write_call(folder: Path, part: str, name: str, seed: int, text: str = LINES) -> None:
    for top in ("data", "transcrpt"):
        (folder / top / part).mkdir(parents=True, exist_ok=True)
    data = encode_mulaw_sphere(noise(seed, 5.0, 2), RATE, {})
    (folder / "data" / part / f"{name}.sph").write_bytes(data)
    # LDC's spelling of the folder differs
    (folder / "transcrpt" / part / f"{name}.txt").write_text(text, encoding="latin-1")


@pytest.fixture
def callhome(tmp_path) -> Path:
    folder = tmp_path / "callhome"
    for seed, (part, name) in enumerate(
        [("train", "en_1"), ("train", "en_2"), ("devtest", "en_3"), ("evltest", "en_4")]
    ):
        write_call(folder, part, name, seed)
    (folder / "readme.txt").write_text("Not a transcript: 1 2 3\n")
    return folder


def test_callhome(root, callhome, tmp_path):
    done = prepare(root, callhome, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert read_map(tmp_path / "data/train/utt2spk").keys() == read_map(tmp_path / "data/train/segments").keys()
    assert sorted(read_map(tmp_path / "data/train/wav.scp")) == ["en_1", "en_2"]
    dev = tmp_path / "data/dev"
    assert read_map(dev / "segments") == {
        "en_3-A-00000500-00002000": "en_3 0.500 2.000 0",
        "en_3-A1-00003500-00004000": "en_3 3.500 4.000 0",
        "en_3-B-00004200-00004900": "en_3 4.200 4.900 1",
        "en_3-B1-00001800-00003100": "en_3 1.800 3.100 1",
    }
    assert read_map(dev / "utt2spk")["en_3-A1-00003500-00004000"] == "en_3-A1"
    assert read_map(dev / "text")["en_3-B1-00001800-00003100"] == "%um, yes and on it goes"
    assert read_map(dev / "reco2num_spk") == {"en_3": "4"} and len(read_lists(dev / "reco2utt")["en_3"]) == 4
    assert [turn.speaker for turn in read_rttm(dev / "ref.rttm")["en_3"]] == ["en_3-A", "en_3-B1", "en_3-A1", "en_3-B"]
    raw = tmp_path / "data/dev_raw"
    assert (raw / "ref.rttm").read_text() == (dev / "ref.rttm").read_text()
    assert (raw / "all.uem").read_text() == "en_3 1 0.500 4.900\n"
    sphere = callhome / "data/devtest/en_3.sph"
    expected = (read_audio(sphere, channel=0)[0] + read_audio(sphere, channel=1)[0]) / 2
    mixed, rate = read_audio(read_map(raw / "wav.scp")["en_3"])
    assert rate == RATE and np.abs(mixed - expected).max() <= 0.5
    assert (tmp_path / "data/sample_rate").read_text() == "8000\n"


def test_callhome_of_talkbank_in_sets_that_are_drawn(root, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for index in range(5):
        write_wav(corpus / f"460{index}.wav", noise(index, 5.0, 2), RATE)
        tiers = "@UTF8\n@Begin\n@Participants:\tA Subject, B Subject\n*A:\thëllo .\x15500_2000\x15\n"
        tiers += "*B1:\tand this goes\n\ton in the next line .\x152100_3200\x15\n%com:\tlaughs\n*A:\tno times .\n@End\n"
        (corpus / f"460{index}.cha").write_text(tiers)
    done = prepare(root, corpus, tmp_path / "data", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "no sets: drawn with seed 0" in done.stdout  # the sets are the same for all seeds
    calls = [name for part in ("train", "dev", "eval") for name in read_map(tmp_path / "data" / part / "wav.scp")]
    assert sorted(calls) == [f"460{index}" for index in range(5)]
    name = next(iter(read_map(tmp_path / "data/dev/wav.scp")))
    assert read_map(tmp_path / "data/dev/text") == {
        f"{name}-A-00000500-00002000": "hëllo .",
        f"{name}-B1-00002100-00003200": "and this goes on in the next line .",
    }


def test_talkbank_numbers_belong_to_ldcs_names_and_sets(root, callhome, tmp_path):
    texts = callhome / "eng"
    texts.mkdir()
    for path in callhome.glob("transcrpt/*/*.txt"):
        tiers = "@UTF8\n@Begin\n*A:\thello .\x15500_2000\x15\n*B1:\tyes .\x152100_3200\x15\n@End\n"
        (texts / f"{path.stem.removeprefix('en_')}.cha").write_text(tiers)
        path.unlink()
    done = prepare(root, callhome, tmp_path / "data")
    assert done.returncode == 0 and "drawn" not in done.stdout, done.stderr
    parts = {part: sorted(read_map(tmp_path / "data" / part / "wav.scp")) for part in ("train", "dev", "eval")}
    assert parts == {"train": ["en_1", "en_2"], "dev": ["en_3"], "eval": ["en_4"]}
    (texts / "9.cha").write_text(tiers)
    done = prepare(root, callhome, tmp_path / "data")
    assert done.returncode == 1 and "9.cha: no 9.sph, nor one en_9.sph, below" in done.stderr
    (texts / "9.cha").rename(texts / "en_4.cha")
    done = prepare(root, callhome, tmp_path / "data")
    assert done.returncode == 1 and "is a transcript of en_4, too: keep one" in done.stderr


def test_missing_sets_are_lent_by_the_demo_corpus(root, recordings, callhome, tmp_path):
    """Also when the stage runs again, and only as long as the corpus has none."""
    top = tmp_path / "top"
    for name in ("egs/callhome/local", "utils", "speechlib"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).symlink_to(root / name)
    (top / "local").mkdir()
    for path in (root / "local").iterdir():
        if path.name != "make_demo_corpus.sh":
            (top / "local" / path.name).symlink_to(path)
    (top / "local/make_demo_corpus.sh").write_text("#!/bin/sh\n")  # the fixture's corpus is there
    (top / "local/make_demo_corpus.sh").chmod(0o755)
    data = tmp_path / "my data"

    def stage(*options: str) -> str:
        done = prepare(root, recordings, data, *options)
        assert done.returncode == 0, done.stderr
        script = top / "egs/callhome/local/complete_sets.sh"
        done = subprocess.run([script, data, callhome], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr

    for _ in range(2):
        warnings = stage()
        assert "no set 'train': SYNTHETIC voices" in warnings and "no set 'dev': SYNTHETIC voices" in warnings
        assert (data / "sample_rate").read_text() == "8000\n"
        assert sorted(read_map(data / "train/wav.scp")) == ["en_1", "en_2"]
        assert all(Path(entry).is_file() for entry in read_map(data / "dev_raw/wav.scp").values())
        assert "MÉO-one-00001000-00003500" in read_map(data / "eval/segments")
    assert stage("--num-dev", "1", "--train", str(data / "demo/eval")) == ""
    assert sorted(read_map(data / "train/wav.scp")) == ["en_4"]
    assert len(read_map(data / "dev/wav.scp")) == 1 and not read_map(data / "dev/wav.scp").keys() & {"en_3"}
    assert sorted(read_map(data / "demo/train/wav.scp")) == ["en_1", "en_2"]


def break_times(corpus: Path) -> None:
    write_call(corpus, "evltest", "en_4", 3, LINES + "4.0 3.0 A: backwards\n")


def another_side(corpus: Path) -> None:
    write_call(corpus, "evltest", "en_4", 3, LINES + "4.0 4.5 C: who\n")


def leave_the_recording(corpus: Path) -> None:
    write_call(corpus, "evltest", "en_4", 3, LINES + "5.2 6.5 A: too late\n")


def lose_audio(corpus: Path) -> None:
    (corpus / "data/evltest/en_4.sph").unlink()


def truncate_audio(corpus: Path) -> None:
    path = corpus / "data/evltest/en_4.sph"
    path.write_bytes(path.read_bytes()[:2000])


def compress_audio(corpus: Path) -> None:
    path = corpus / "data/evltest/en_4.sph"
    head = path.read_bytes().replace(b"sample_coding -s4 ulaw", b"sample_coding -s27 ulaw,embedded-shorten-v2.00")
    path.write_bytes(head)


def write_twice(corpus: Path) -> None:
    write_call(corpus, "devtest", "en_4", 3)


def lose_a_folder(corpus: Path) -> None:
    for top in ("data", "transcrpt"):
        (corpus / top / "evltest").rename(corpus / top / "others")


@pytest.mark.parametrize(
    "harm, message",
    [
        (break_times, "en_4.txt:8: ends at 3 s, before its start at 4 s"),
        (another_side, "en_4.txt:8: speaker C: the two sides of the line are A and B"),
        (leave_the_recording, "recording en_4: en_4-A from 5.2 s to 6.5 s: beyond its end at 5 s"),
        (lose_audio, "en_4.txt: no en_4.sph below"),
        (truncate_audio, "bad audio (truncated)"),
        (compress_audio, "sph2pipe -f wav"),
        (write_twice, "has the same name: keep one"),
        (lose_a_folder, "1 of 4 transcripts are in no folder train, devtest or evltest, e.g. en_4"),
    ],
)
def test_harm_to_callhome(root, callhome, tmp_path, harm, message):
    harm(callhome)
    done = prepare(root, callhome, tmp_path / "data")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_compressed_speech_goes_through_sph2pipe_where_there_is_one(root, callhome, tmp_path, monkeypatch):
    plain = read_audio(callhome / "data/evltest/en_4.sph", channel=1)[0]
    write_wav(tmp_path / "plain.wav", np.stack([plain, plain], 1).astype(np.int16), RATE)
    compress_audio(callhome)
    tool = tmp_path / "bin" / "sph2pipe"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "-f wav -p" ] && [ -f "$4" ] && cat {tmp_path}/plain.wav\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    done = prepare(root, callhome, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert read_map(tmp_path / "data/eval/wav.scp")["en_4"].startswith("sph2pipe -f wav -p ")
    assert np.abs(read_audio(tmp_path / "data/eval_raw/wav/en_4.wav")[0] - plain).max() < 1


def test_so_much_harm_is_allowed(root, callhome, tmp_path):
    leave_the_recording(callhome)
    done = prepare(root, callhome, tmp_path / "data", "--max-bad", "1")
    assert done.returncode == 0, done.stderr
    assert len(read_map(tmp_path / "data/eval/segments")) == 4
    assert "out-of-range" in (tmp_path / "data/log/bad.1.tsv").read_text()


def rttm(*turns) -> str:
    return "".join(
        f"SPEAKER {name} 1 {start} {length} <NA> <NA> {who} <NA> <NA>\n" for name, start, length, who in turns
    )


@pytest.fixture
def recordings(tmp_path) -> Path:
    folder = tmp_path / "recordings"
    for name, seconds, channels in (("one", 6.0, None), ("two", 4.0, 2), ("silent", 2.0, None), ("unknown", 1.0, None)):
        (folder / "wav").mkdir(parents=True, exist_ok=True)
        write_wav(folder / "wav" / f"{name}.wav", noise(len(name), seconds, channels), RATE)
    turns = [
        ("one", 1, 2, "MÉO"),
        ("one", 2.5, 1, "MÉO"),
        ("one", 2, 3, "b"),
        ("one", 5, 0.05, "b"),
        ("two", 0, 4.2, "c"),
    ]
    (folder / "a.rttm").write_text(";; who\n" + rttm(*turns))
    (folder / "all.uem").write_text("one NA 0 6\nsilent 1 0 2\n")
    return folder


def test_recordings(root, recordings, tmp_path):
    (recordings / "other").mkdir()
    write_wav(recordings / "other" / "one.wav", noise(9, 6.0), RATE)
    done = prepare(root, recordings, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "other/one.wav" in done.stderr and "1 utterances overlap others of their speaker: joined" in done.stderr
    data, raw = tmp_path / "data/eval", tmp_path / "data/eval_raw"
    assert read_map(data / "segments") == {
        "MÉO-one-00001000-00003500": "one 1.000 3.500",
        "b-one-00002000-00005000": "one 2.000 5.000",
        "c-two-00000000-00004000": "two 0.000 4.000",
    }
    assert read_map(data / "wav.scp")["one"] == str(recordings / "wav/one.wav")
    assert sorted(read_map(raw / "wav.scp")) == ["one", "silent", "two"]
    assert len(read_rttm(raw / "ref.rttm")["one"]) == 3
    # two, which no UEM names, is scored as a whole
    assert (raw / "all.uem").read_text().splitlines() == [
        "one 1 0.000 6.000",
        "silent 1 0.000 2.000",
        "two 1 0.000 4.000",
    ]
    assert read_map(raw / "wav.scp")["two"] == read_map(data / "wav.scp")["two"] == str(raw / "wav/two.wav")
    assert not (tmp_path / "data/train").exists()


def test_recordings_that_share_a_speaker_are_in_one_set(root, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    spoken = {"a": "xy", "b": "z", "c": "yw", "d": "v", "e": "wu", "f": "q"}
    for seed, name in enumerate(spoken):
        write_wav(corpus / f"{name}.wav", noise(seed, 3.0), RATE)
    turns = [(name, index, 1, speaker) for name, speakers in spoken.items() for index, speaker in enumerate(speakers)]
    (corpus / "ref.rttm").write_text(rttm(*turns))
    for number in (1, 2, 3, 4, 5):
        done = prepare(root, corpus, tmp_path / "data", "--num-dev", str(number))
        assert done.returncode == 0, done.stderr
        dev, evaluation = (set(read_map(tmp_path / "data" / part / "utt2spk").values()) for part in ("dev", "eval"))
        assert not dev & evaluation
        assert len(read_map(tmp_path / "data/dev/wav.scp")) == number
    (corpus / "ref.rttm").write_text(rttm(*turns, ("b", 1, 1, "x"), ("d", 1, 1, "q")))
    done = prepare(root, corpus, tmp_path / "data", "--num-dev", "1")
    assert done.returncode == 1 and "ask for as many as the smallest such group has, 2" in done.stderr
    done = prepare(root, corpus, tmp_path / "data", "--num-dev", "3")
    assert done.returncode == 0 and "recordings that share speakers stay together: 2 are dev" in done.stderr
    for value, message in (("6", "at least one must remain"), ("x", "--num-dev x: expected a whole number")):
        done = prepare(root, corpus, tmp_path / "data", "--num-dev", value)
        assert done.returncode == 1 and message in done.stderr
    (corpus / "ref.rttm").write_text(";; nothing\n")
    done = prepare(root, corpus, tmp_path / "data")
    assert done.returncode == 1 and "ref.rttm: no turn of any speaker in it" in done.stderr


def test_segments_of_py_audio_analysis(root, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_wav(corpus / "talk.wav", noise(0, 4.0), RATE)
    (corpus / "talk.segments").write_text("0\t1.5\tspeakerA\n1.5\t4\tspeakerB\n")
    done = prepare(root, corpus, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert set(read_map(tmp_path / "data/eval/utt2spk").values()) == {"talk-speakerA", "talk-speakerB"}
    (corpus / "talk.segments").write_text("0\t1.5\n")
    done = prepare(root, corpus, tmp_path / "data")
    assert done.returncode == 1 and "talk.segments:1: 2 columns; expected `<start> <end> <speaker>`" in done.stderr


@pytest.mark.parametrize(
    "text, message",
    [
        (rttm(("absent", 0, 1, "a")), "no audio file absent.* below it; fetch it"),
        (rttm(("one", 7, 1, "a")), "recording one: a from 7 s to 8 s: beyond its end at 6 s"),
        (rttm(("two", 0, 1, "a")), "recording two is in"),
        ("SPEAKER one 1 x 2 <NA> <NA> a\n", "more.rttm:1: the start 'x' is no number"),
    ],
)
def test_harm_to_recordings(root, recordings, tmp_path, text, message):
    (recordings / "more.rttm").write_text(text)
    if "two" not in text:
        (recordings / "a.rttm").unlink()
    done = prepare(root, recordings, tmp_path / "data")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_disk8(root, tmp_path):
    corpus = tmp_path / "disk8"
    (corpus / "r65_8_1").mkdir(parents=True)
    names = ["iaaa", "iaab", "iaac", "iaad"]
    for index, name in enumerate(names):
        data = encode_mulaw_sphere(noise(index, 3.0, 1), RATE, {})
        (corpus / "r65_8_1" / f"{name}.sph").write_bytes(data)
    done = prepare(root, corpus, tmp_path / "data", "--layout", "disk8")
    assert done.returncode == 1 and "fullref.rttm (it comes in sre2000-key, not on the disk)" in done.stderr
    key = corpus / "sre2000-key"
    key.mkdir()
    turns = [(name, start, 1, who) for name in names for start, who in ((0, 1), (1.5, 2))]
    (key / "fullref.rttm").write_text(rttm(*turns))
    (key / "other.rttm").write_text(rttm(("iaaa", 0, 1, "x")))
    train = tmp_path / "train"
    train.mkdir()
    write_wav(train / "a.wav", noise(7, 1.0), RATE)
    (train / "wav.scp").write_text(f"a {train}/a.wav\n")
    (train / "utt2spk").write_text("a a\n")
    (train / "spk2utt").write_text("a a\n")
    done = prepare(root, corpus, tmp_path / "data", "--train", train)
    assert done.returncode == 0, done.stderr
    parts = [sorted(read_map(tmp_path / "data" / part / "wav.scp")) for part in ("dev", "eval")]
    assert sorted(parts[0] + parts[1]) == names and len(parts[0]) == 2
    speakers = set(read_map(tmp_path / "data/dev/utt2spk").values())
    assert speakers == {f"{name}-{who}" for name in parts[0] for who in (1, 2)}
    assert read_map(tmp_path / "data/train/utt2spk") == {"a": "a"}
    done = prepare(root, corpus, tmp_path / "none", "--num-dev", "4")
    assert done.returncode == 1 and "of 4 recordings at least one must remain for eval" in done.stderr
    done = prepare(root, corpus, tmp_path / "none", "--train", corpus)
    assert done.returncode == 1 and "expected a data directory, with utt2spk" in done.stderr


def write_utterances(folder: Path, part: str, speakers: str) -> None:
    (folder / part).mkdir(parents=True)
    wav_scp, utt2spk = [], []
    for speaker in speakers:
        for index in range(3):
            write_wav(folder / f"{speaker}{index}.wav", noise(ord(speaker) * 10 + index, 0.6), RATE)
            wav_scp.append(f"{speaker}{index}\t{speaker}{index}.wav\n")
            utt2spk.append(f"{speaker}{index} {speaker}\n")
    (folder / part / "wav.scp").write_text("".join(wav_scp))
    (folder / part / "utt2spk").write_text("".join(utt2spk))


def test_utterances(root, tmp_path):
    corpus = tmp_path / "corpus"
    write_utterances(corpus, "train", "abcdefgh")
    write_utterances(corpus, "test", "xyz")
    options = "--num-dev", "2", "--num-eval", "3", "--speakers", "2:3", "--dev-share", "0.4", "--seed", "1"
    done = prepare(root, corpus, tmp_path / "data", *options)
    assert done.returncode == 0, done.stderr
    speakers = {part: set(read_map(tmp_path / "data" / part / "utt2spk").values()) for part in ("train", "dev", "eval")}
    assert len(speakers["train"]) == 5 and speakers["dev"] == set("abcdefgh") - speakers["train"]
    assert speakers["eval"] == set("xyz")
    assert [len(read_map(tmp_path / "data" / part / "reco2utt")) for part in ("dev", "eval")] == [2, 3]
    assert (tmp_path / "data/sample_rate").read_text() == "8000\n"
    text = (corpus / "test/utt2spk").read_text()
    (corpus / "test/utt2spk").write_text(text.replace(" x", " a"))
    done = prepare(root, corpus, tmp_path / "data", *options)
    assert done.returncode == 1 and "speakers" in done.stderr and "Traceback" not in done.stderr


def test_no_known_layout(root, tmp_path):
    (tmp_path / "empty").mkdir()
    done = prepare(root, tmp_path / "empty", tmp_path / "data")
    assert done.returncode == 1 and "none of: train/ and test/ with wav.scp" in done.stderr
    done = prepare(root, tmp_path / "absent", tmp_path / "data")
    assert done.returncode == 1 and "absent: no such folder" in done.stderr
    done = prepare(root, tmp_path / "empty", tmp_path / "data", "--layout", "timit")
    assert done.returncode == 1 and "expected callhome, disk8, recordings or utterances" in done.stderr


def test_real_recordings(root, corpora, tmp_path):
    done = prepare(root, corpora / "ami_30s", tmp_path / "ami")
    assert done.returncode == 0, done.stderr
    counts = {name: int(number) for name, number in read_map(tmp_path / "ami/eval/reco2num_spk").items()}
    assert len(counts) == 11 and counts["trn02"] == 1 and counts["trn01"] == 4
    assert any(speaker.startswith("MÉO") for speaker in read_map(tmp_path / "ami/eval/utt2spk").values())
    done = prepare(root, corpora / "pyaa_dialogue", tmp_path / "pyaa")
    assert done.returncode == 0 and len(read_map(tmp_path / "pyaa/eval/segments")) == 7, done.stderr
