"""The prepare scripts of the emotion corpora: names and tables read rightly, whole directories or none, kind errors."""

import importlib
import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechlib.io.audio import UtteranceAudio
from speechlib.io.datadir import DataDir, validate


@pytest.fixture(scope="module")
def local(root):
    """Modules of egs/emotion/local by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root / "egs/emotion/local")
        yield importlib.import_module


@pytest.fixture(scope="module")
def prepare(local):
    """Calls the main function of a prepare script, and checks the data directory that it leaves."""

    def call(kind: str, corpus: Path, out: Path, *options: str) -> DataDir:
        assert local(f"prepare_{kind}").main([*options, str(corpus), str(out)]) == 0
        problems = validate(out, require_feats=False, require_text=(out / "text").is_file())
        assert not problems, problems
        return DataDir(out)

    return call


def write_audio(path: Path, seed: int = 0, rate: int = 16000, channels: int = 1) -> None:
    """0.2 s of noise, other noise for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-900, 900, (rate // 5, channels), dtype=np.int16)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def make(top: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        write_audio(top / name, seed)
    return top


@pytest.mark.parametrize("folders", [("", ""), ("wav/", "wav/"), ("Angry/", "Bored/")])
def test_emodb(prepare, tmp_path, folders):
    corpus = make(tmp_path / "Emo DB", folders[0] + "16a05Wb.wav", folders[1] + "03b10L.wav", "._16a05Wb.wav")
    data = prepare("emodb", corpus, tmp_path / "data")
    assert data.utt2spk == {"emodb_03-b10L": "emodb_03", "emodb_16-a05Wb": "emodb_16"}
    assert data.spk2gender == {"emodb_03": "m", "emodb_16": "f"}
    assert data.map("utt2emotion") == {"emodb_03-b10L": "boredom", "emodb_16-a05Wb": "anger"}
    assert data.map("utt2age") == {"emodb_03-b10L": "31", "emodb_16-a05Wb": "31"}
    assert data.text["emodb_16-a05Wb"].startswith("Das schwarze Stück Papier befindet sich")
    assert data.wav_scp["emodb_16-a05Wb"] == str(corpus / folders[0] / "16a05Wb.wav")
    assert data.utt2dur == dict.fromkeys(data.utt2spk, 0.2) and data.segments is None


def test_emodb_of_an_unknown_speaker(prepare, tmp_path):
    with pytest.raises(ValueError, match=r"99a01Fa\.wav: speaker 99 is none of 03, 08"):
        prepare("emodb", make(tmp_path / "c", "99a01Fa.wav"), tmp_path / "data")


def test_ravdess_takes_the_first_channel_of_stereo_files(prepare, tmp_path, capsys):
    corpus = tmp_path / "corpus"
    for actor, channels in ((1, 2), (2, 1)):
        write_audio(corpus / f"Actor_{actor:02d}/03-01-0{actor + 4}-02-01-02-{actor:02d}.wav", actor, 48000, channels)
    write_audio(corpus / "Actor_02/03-02-01-01-01-01-02.wav")
    data = prepare("ravdess", corpus, tmp_path / "data")
    utterances = "ravdess_01-03-01-05-02-01-02", "ravdess_02-03-01-06-02-01-02"
    assert data.map("utt2emotion") == dict(zip(utterances, ("anger", "fear"), strict=True))
    assert data.map("utt2intensity") == dict.fromkeys(utterances, "strong")
    assert data.text == dict.fromkeys(utterances, "Kids are talking by the door.")
    assert data.spk2gender == {"ravdess_01": "m", "ravdess_02": "f"}
    assert data.channels == {utterances[0]: 0}
    audio = UtteranceAudio(data.path)
    heard = {utterance: samples for utterance, samples, _ in audio}
    assert not audio.bad and not audio.skipped
    for utterance, path in zip(utterances, sorted(corpus.glob("*/03-01*")), strict=True):
        samples = soundfile.read(path, dtype="int16", always_2d=True)[0]
        np.testing.assert_array_equal(heard[utterance], samples[:, 0])
    noted = capsys.readouterr().err
    assert "1 songs are left out" in noted and "1 recordings have several channels, of which the first" in noted


def test_of_copies_the_one_in_most_company_is_taken(prepare, tmp_path, capsys):
    names = [f"03-01-03-01-01-0{number}-01.wav" for number in (1, 2)]
    corpus = make(tmp_path / "c", *(f"whole/Actor_01/{name}" for name in names), f"examples/Actor_01/{names[0]}")
    data = prepare("ravdess", corpus, tmp_path / "data")
    assert {Path(path).parts[-3] for path in data.wav_scp.values()} == {"whole"} and len(data.utt2spk) == 2
    assert "1 audio files are there already under the same name" in capsys.readouterr().err


@pytest.mark.parametrize("drop", [False, True])
def test_the_same_audio_is_named_and_dropped_on_request(prepare, tmp_path, capsys, drop):
    corpus = tmp_path / "corpus"
    for repetition, seed in ((1, 5), (2, 5)):
        write_audio(corpus / f"03-01-03-01-02-0{repetition}-07.flac", seed)
    write_audio(corpus / "03-01-04-01-02-01-07.wav", seed=6)
    data = prepare("ravdess", corpus, tmp_path / "data", *(["--drop-duplicates", "true"] if drop else []))
    pair = "ravdess_07-03-01-03-01-02-01 = ravdess_07-03-01-03-01-02-02"
    noted = capsys.readouterr().err
    assert f"note: the same audio: {pair}; " in noted and ("only" in noted) == drop
    assert len(data.utt2spk) == 3 - drop


def test_the_same_audio_of_two_speakers_is_said_so(prepare, tmp_path, capsys):
    for name in ("03a01Fa", "08a01Fa"):
        write_audio(tmp_path / f"c/{name}.wav", seed=1)
    prepare("emodb", tmp_path / "c", tmp_path / "data")
    assert "the same audio of different speakers: emodb_03-a01Fa = emodb_08-a01Fa" in capsys.readouterr().err


def test_aesdd(prepare, tmp_path, capsys):
    corpus = make(
        tmp_path / "AESDD (v1)", "anger/a01 (1).wav", "fear/f12 (01).wav", "sadness/s01 (5)b.wav", "sadness/s01 (5).wav"
    )
    (corpus / "sadness/s05 (3).wav").write_bytes(bytes(50))
    (corpus / "readme (1).wav").write_bytes(b"")
    data = prepare("aesdd", corpus, tmp_path / "data")
    assert data.map("utt2emotion") == {
        "aesdd_01-a01": "anger",
        "aesdd_01-f12": "fear",
        "aesdd_05-s01": "sadness",
        "aesdd_05-s01b": "sadness",
    }
    assert data.map("utt2sentence")["aesdd_01-f12"] == "12" and data.text is None
    assert data.spk2gender == {"aesdd_01": "m", "aesdd_05": "m"}
    noted = capsys.readouterr().err
    assert "s05 (3).wav: left out, it is known to be broken" in noted
    assert "1 audio files have other names and are left out: readme (1).wav" in noted


def test_aesdd_folder_and_name_must_agree(prepare, tmp_path):
    with pytest.raises(ValueError, match=r"s01 \(5\)\.wav: the folder says anger, the name sadness"):
        prepare("aesdd", make(tmp_path / "c", "anger/s01 (5).wav"), tmp_path / "data")


def test_the_polish_set_and_its_split(prepare, tmp_path):
    words, takes = ("nie", "tak"), range(1, 3)
    names = [f"m{s}.{e}_{word}_{take}.wav" for s in range(1, 6) for e in "asn" for word in words for take in takes]
    data = prepare("polish", make(tmp_path / "POLISH", *names), tmp_path / "data")
    assert Counter(data.map("utt2emotion").values()) == dict.fromkeys(("anger", "fear", "neutral"), 20)
    assert data.text["polish_m1-a_nie_2"] == "nie" and set(data.spk2gender.values()) == {"m"}
    split = {"train": {"polish_m2", "polish_m3", "polish_m5"}, "dev": {"polish_m4"}, "test": {"polish_m1"}}
    for part, speakers in split.items():
        utterances = (tmp_path / "data/lists" / part).read_text().splitlines()
        assert {data.utt2spk[utterance] for utterance in utterances} == speakers
        assert len(utterances) == 12 * len(speakers) and utterances == sorted(utterances)


IEMOCAP = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M001\texc\t[4.0000, 3.5000, 3.6667]
[12.0000 - 13.0000]\tSes01F_impro01_M002\thap\t[4.0000, 3.0000, 3.0000]
[14.0000 - 15.0000]\tSes01F_impro01_F001\txxx\t[2.0000, 2.0000, 2.0000]
"""


def make_iemocap(top: Path, evaluation: str = IEMOCAP) -> Path:
    dialog = top / "Session1/dialog"
    for folder in ("EmoEvaluation/Categorical", "transcriptions"):
        (dialog / folder).mkdir(parents=True)
    (dialog / "EmoEvaluation/Ses01F_impro01.txt").write_text(evaluation)
    (dialog / "EmoEvaluation/._Ses01F_impro01.txt").write_bytes(b"\x00\x05\x16\x07")
    turns = re.findall(r"Ses01F_\w+", evaluation)
    lines = [f"{turn} [006.2901-008.2357]: Words of {turn}.\n" for turn in turns] + ["M: Hello?\n"]
    (dialog / "transcriptions/Ses01F_impro01.txt").write_text("".join(lines))
    return make(top, *(f"Session1/sentences/wav/Ses01F_impro01/{turn}.wav" for turn in turns))


@pytest.mark.parametrize("merge", [True, False])
def test_iemocap(prepare, tmp_path, merge):
    data = prepare("iemocap", make_iemocap(tmp_path / "c"), tmp_path / "data", f"--merge-excited={str(merge).lower()}")
    female, male = "iemocap_Ses01F", "iemocap_Ses01M"
    names = {number: f"{speaker}-Ses01F_impro01_{number}" for number, speaker in (("F000", female), ("F001", female))}
    names |= {number: f"{male}-Ses01F_impro01_{number}" for number in ("M001", "M002")}
    assert data.spk2gender == {female: "f", male: "m"}
    classes = {names["F000"]: "neutral", names["M002"]: "happiness"}
    assert data.map("utt2emotion") == (classes | {names["M001"]: "happiness"} if merge else classes)
    labels = {"F000": "neu", "M001": "exc", "M002": "hap", "F001": "xxx"}
    assert data.map("utt2emotion_all") == {names[number]: label for number, label in labels.items()}
    dimensions = [data.map(f"utt2{name}")[names["M001"]] for name in ("valence", "activation", "dominance")]
    assert dimensions == ["4", "3.5", "3.6667"]
    assert set(data.map("utt2session").values()) == {"Ses01"}
    assert data.text[names["F001"]] == "Words of Ses01F_impro01_F001."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\thap\t", "\thpy\t", r"Ses01F_impro01\.txt:8: emotion hpy is none of ang, dis"),
        ("[4.0000, 3.0000, 3.0000]", "[4.0000, 3.0000]", r"Ses01F_impro01\.txt:8: expected `\[<start>"),
        ("[12.0000 -", "[12.0000", r"Ses01F_impro01\.txt:8: expected"),
    ],
)
def test_iemocap_lines_that_cannot_be_read(prepare, tmp_path, old, new, message):
    corpus = make_iemocap(tmp_path / "c", IEMOCAP.replace(old, new))
    with pytest.raises(ValueError, match=message):
        prepare("iemocap", corpus, tmp_path / "data")


def test_iemocap_elsewhere(prepare, tmp_path):
    with pytest.raises(FileNotFoundError, match="name the folder that holds Session1"):
        prepare("iemocap", tmp_path, tmp_path / "data")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file(prepare, tmp_path, delimiter):
    corpus = make(tmp_path / "my files", "audio/a 1.wav", "audio/b.wav")
    rows = (
        ("", "File", "Speaker", "Gender", "emotion", "arousal.mean", "text"),
        ("0", "audio/a 1.wav", "ann-lee", "Female", "anger", "0.5", "Is it?  Yes"),
        ("1", corpus / "audio/b.wav", "bob", "male", "", "0.25", '"No"'),
    )
    lines = [delimiter.join(f'"{cell}"' if " " in str(cell) else str(cell) for cell in row) + "\n" for row in rows]
    (corpus / "labels.csv").write_text("\ufeff" + "".join(lines))
    data = prepare("csv", corpus / "labels.csv", tmp_path / "data")
    ann, bob = "ann_lee-a_1", "bob-b"
    assert data.utt2spk == {ann: "ann_lee", bob: "bob"} and data.spk2gender == {"ann_lee": "f", "bob": "m"}
    assert data.map("utt2emotion") == {ann: "anger"}
    assert data.map("utt2arousal_mean") == {ann: "0.5", bob: "0.25"}
    assert data.wav_scp[ann] == str(corpus / "audio/a 1.wav")
    assert data.text == {ann: "Is it? Yes", bob: "No"}


def write_csv(tmp_path: Path, text: str, *names: str) -> Path:
    path = make(tmp_path / "c", *(names or ("a.wav", "b.wav"))) / "l.csv"
    path.write_text(text)
    return path


def test_a_folder_stands_for_its_one_csv_file(prepare, tmp_path):
    path = write_csv(tmp_path, "file,speaker,emotion\na.wav,s1,anger\nb.wav,s2,joy\n")
    assert prepare("csv", path.parent, tmp_path / "data").map("utt2emotion") == {"s1-a": "anger", "s2-b": "joy"}
    (path.parent / "m.csv").write_text("file\n")
    with pytest.raises(ValueError, match="expected one CSV file in the folder, found l.csv, m.csv"):
        prepare("csv", path.parent, tmp_path / "data")


def test_pieces_of_recordings(prepare, tmp_path):
    rows = "a.wav,s1,anger,0,0.12\na.wav,s2,joy,0.05,\na.wav,s2,joy,0 days 00:00:00.01,0.1501\nb.wav,s1,joy,,\n"
    path = write_csv(tmp_path, "file,speaker,emotion,start,end\n" + rows)
    data = prepare("csv", path, tmp_path / "data")
    assert data.segments == {
        "s1-a-00000000-00000120": ("a", 0.0, 0.12),
        "s1-b": ("b", 0.0, 0.2),
        "s2-a-00000010-00000150": ("a", 0.01, 0.150125),
        "s2-a-00000050": ("a", 0.05, 0.2),
    }
    assert data.utt2dur["s2-a-00000050"] == 0.15 and data.spk2gender is None and data.text is None
    assert {utterance: len(samples) for utterance, samples, _ in UtteranceAudio(data.path)} == {
        utterance: round(16000 * seconds) for utterance, seconds in data.utt2dur.items()
    }


def test_labels_and_the_audio_folder_can_be_chosen(prepare, tmp_path):
    path = write_csv(tmp_path, "file,speaker,emotion,gendre\na.wav,s1,anger,x\nb.wav,s2,joy,y\n")
    path = path.rename(tmp_path / "l.csv")
    data = prepare("csv", path, tmp_path / "data", "--labels", "emotion", "--audio-dir", str(tmp_path / "c"))
    assert data.map("utt2emotion") == {"s1-a": "anger", "s2-b": "joy"} and not data.has("utt2gendre")


def test_files_of_one_name_in_several_folders_keep_their_folders(prepare, tmp_path):
    path = write_csv(tmp_path, "file,speaker\nx/a.wav,s\ny/a.wav,s\n", "x/a.wav", "y/a.wav")
    assert list(prepare("csv", path, tmp_path / "data").utt2spk) == ["s-x_a", "s-y_a"]


def test_labels_that_kaldi_would_misread_are_left_out(prepare, tmp_path, capsys):
    path = write_csv(tmp_path, "file,speaker,dur,gender\na.wav,s,3,\nb.wav,t,4,f\n")
    data = prepare("csv", path, tmp_path / "data")
    assert data.utt2dur == {"s-a": 0.2, "t-b": 0.2} and data.spk2gender is None
    noted = capsys.readouterr().err
    assert "column 'dur' is left out: utt2dur is no name for labels" in noted
    assert "no spk2gender: it is not known of 1, e.g. s" in noted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,speakr,emotion\na.wav,s,anger\n", r"l\.csv:1: no column 'speaker' \(did you mean speakr\?\)"),
        ("file,speaker,gendr\na.wav,s,f\n", r"l\.csv:1: column 'gendr' is nearly 'gender'"),
        ("file,speaker,a-b,a.b\na.wav,s,1,2\n", r"columns 'a-b' and 'a\.b' would both be utt2a_b"),
        ("file,speaker\na.wav,s\nb.wav,\n", r"l\.csv:3: no speaker in 1 rows"),
        ("file,speaker,gender\na.wav,s,femal\n", r"l\.csv:2: gender 'femal' \(did you mean female\?\)"),
        ("file,speaker,gender\na.wav,s,f\nb.wav,s,m\n", r"b\.wav: speaker s has gender m here and f in .*a\.wav"),
        ("file,speaker\na.wav,s-1\nb.wav,s_1\n", r"l\.csv:3: speaker 's_1' and speaker 's-1' of .*l\.csv:2"),
        ("file,speaker\na.wav,s\na.wav,s\n", r"l\.csv:3: the same piece of audio is in .*l\.csv:2, too"),
        ("file,speaker,start\na.wav,s,soon\n", r"l\.csv:2: start: expected seconds"),
        ("file,speaker,end\na.wav,s,9\n", r"1 of 1 utterances have unusable audio"),
    ],
)
def test_csv_files_that_are_wrong(prepare, tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        prepare("csv", write_csv(tmp_path, text), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_missing_files_of_a_csv_file_are_listed_at_once(prepare, tmp_path, capsys):
    path = write_csv(tmp_path, "file,speaker\na.wav,s\nc.wav,s\nd.wav,t\n")
    with pytest.raises(ValueError, match="2 of 3 utterances have unusable audio"):
        prepare("csv", path, tmp_path / "data")
    noted = capsys.readouterr().err.splitlines()
    assert [line.split(" (missing): ")[1].split(":")[0] for line in noted] == ["s-c", "t-d"]
    assert f"{path.parent / 'c.wav'}: no such file; correct the name where it is listed" in noted[0]


def test_names_that_blanks_alone_tell_apart(prepare, tmp_path):
    path = write_csv(tmp_path, "file,speaker\na 1.wav,s\na_1.wav,s\n", "a 1.wav", "a_1.wav")
    with pytest.raises(ValueError, match=r"a_1\.wav: its name is that of .*a 1\.wav but for"):
        prepare("csv", path, tmp_path / "data")


def test_a_csv_file_in_latin1(prepare, tmp_path):
    path = write_csv(tmp_path, "")
    path.write_bytes("file,speaker\na.wav,s\nb.wav,Jörg\n".encode("latin1"))
    with pytest.raises(ValueError, match=r"l\.csv:3: byte 0xf6 is not UTF-8; convert the file, e\.g\. with 'iconv"):
        prepare("csv", path, tmp_path / "data")


AUDFORMAT = """
name: mini
schemes:
  emotion: {dtype: str, labels: [anger, neutral]}
  transcription: {dtype: str, labels: {t1: Good day., t2: Good night.}}
  speaker: {dtype: str, labels: {s1: {gender: female, age: 30}, s2: {gender: male}}}
tables:
  files:
    type: filewise
    columns: {speaker: {scheme_id: speaker}, transcription: {scheme_id: transcription}}
  emotion:
    type: segmented
    split_id: train
    columns: {emotion: {scheme_id: emotion}}
"""


def make_audformat(top: Path) -> Path:
    make(top, "audio/a b.wav", "audio/c.wav")
    (top / "db.yaml").write_text(AUDFORMAT)
    (top / "db.files.csv").write_text("file,speaker,transcription\naudio/a b.wav,s1,t1\naudio/c.wav,s2,t2\n")
    rows = "audio/a b.wav,0 days 00:00:00.05,0 days 00:00:00.200000,anger\naudio/c.wav,0 days 00:00:00,,neutral\n"
    (top / "db.emotion.csv").write_text("file,start,end,emotion\n" + rows)
    return top


def test_audformat(prepare, tmp_path):
    data = prepare("audformat", make_audformat(tmp_path / "my db"), tmp_path / "data")
    piece, whole = "s1-a_b-00000050-00000200", "s2-c"
    assert data.map("utt2emotion") == {piece: "anger", whole: "neutral"}
    assert data.utt2spk == {piece: "s1", whole: "s2"} and data.spk2gender == {"s1": "f", "s2": "m"}
    assert data.text == {piece: "Good day.", whole: "Good night."} and data.map("utt2age") == {piece: "30"}
    assert data.segments[piece][1:] == (0.05, 0.2) and data.map("utt2split") == dict.fromkeys((piece, whole), "train")
    assert data.map("utt2transcription") == {piece: "t1", whole: "t2"}


def test_another_table_of_an_audformat_database(prepare, tmp_path):
    corpus = make_audformat(tmp_path / "db")
    data = prepare("audformat", corpus, tmp_path / "data", "--table", "files")
    assert list(data.utt2spk) == ["s1-a_b", "s2-c"] and not data.has("utt2emotion")
    (corpus / "db.yaml").write_text(AUDFORMAT.replace("  emotion:\n    type", "  feelings:\n    type"))
    (corpus / "db.emotion.csv").rename(corpus / "db.feelings.csv")
    assert len(prepare("audformat", corpus, tmp_path / "data").map("utt2emotion")) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("columns: {emotion:", "columns: {mood:", "no table has a column 'emotion': choose with --table one of files,"),
        ("speaker: {scheme_id: speaker}, ", "", "no speaker in 2 rows"),
    ],
)
def test_audformat_databases_that_are_not_enough(prepare, tmp_path, old, new, message):
    corpus = make_audformat(tmp_path / "db")
    (corpus / "db.yaml").write_text(AUDFORMAT.replace(old, new))
    (corpus / "db.files.csv").write_text("file,transcription\naudio/a b.wav,t1\naudio/c.wav,t2\n")
    with pytest.raises(ValueError, match=message):
        prepare("audformat", corpus, tmp_path / "data")


def spoil(corpus: Path) -> None:
    make(corpus, "03a01Fa.wav", "03a02Wb.wav", "08a01Nc.wav", "08b01Ta.wav")
    (corpus / "03a02Wb.wav").write_bytes(b"")
    (corpus / "08b01Ta.wav").write_text("<html>moved</html>")
    soundfile.write(corpus / "08b02Ta.wav", np.zeros(800, np.int16), 16000)
    soundfile.write(corpus / "08b03Ta.wav", np.zeros(0, np.int16), 16000)


def test_bad_audio_is_listed_at_once_and_nothing_is_written(prepare, tmp_path, capsys):
    spoil(tmp_path / "c")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/utt2spk").write_text("old old\n")
    with pytest.raises(ValueError, match="4 of 6 utterances have unusable audio, --max-bad allows 2"):
        prepare("emodb", tmp_path / "c", tmp_path / "data", "--max-bad", "2")
    noted = re.findall(r"bad audio \((\w+)\): emodb_(\S+):", capsys.readouterr().err)
    assert noted == [("empty", "03-a02Wb"), ("html", "08-b01Ta"), ("silent", "08-b02Ta"), ("empty", "08-b03Ta")]
    assert {path.name: path.read_text() for path in (tmp_path / "data").iterdir()} == {"utt2spk": "old old\n"}


def test_bad_audio_may_be_left_out_and_old_labels_go(prepare, tmp_path):
    spoil(tmp_path / "c")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/utt2mood").write_text("old sad\n")
    data = prepare("emodb", tmp_path / "c", tmp_path / "data", "--max-bad", "4")
    assert data.utterances() == ["emodb_03-a01Fa", "emodb_08-a01Nc"] and not data.has("utt2mood")
    assert len((data.path / "log/bad.1.tsv").read_text().splitlines()) == 4


def test_nothing_usable_at_all(prepare, tmp_path):
    make(tmp_path / "c", "03a01Fa.wav")
    (tmp_path / "c/03a01Fa.wav").write_bytes(b"")
    with pytest.raises(ValueError, match="no utterance with usable audio"):
        prepare("emodb", tmp_path / "c", tmp_path / "data", "--max-bad", "1")


def test_recordings_of_several_rates_are_noted(prepare, tmp_path, capsys):
    write_audio(tmp_path / "c/03a01Fa.wav", rate=16000)
    write_audio(tmp_path / "c/08a01Fa.wav", rate=48000)
    prepare("emodb", tmp_path / "c", tmp_path / "data")
    assert "differ in sampling rate: 1 of 16000 Hz, 1 of 48000 Hz" in capsys.readouterr().err


def test_line_breaks_and_ids_that_collide(prepare, local, tmp_path):
    corpus = local("emotion_corpus")
    write_audio(tmp_path / "a\nb.wav", 1)
    write_audio(tmp_path / "c.wav", 2)
    with pytest.raises(ValueError, match="a line break in a file's name: rename it"):
        corpus.write_corpus("p", [corpus.Entry("s", "a", tmp_path / "a\nb.wav")], tmp_path / "data", 0, False)
    entries = [corpus.Entry("s", "a", tmp_path / name) for name in ("c.wav", "d.wav")]
    with pytest.raises(ValueError, match=r"d\.wav: utterance s-a is .*c\.wav, too: keep one of them"):
        corpus.write_corpus("p", entries, tmp_path / "data", 0, False)
    entries = [corpus.Entry("s", "a", tmp_path / "c.wav", {"spk": "x"})]
    with pytest.raises(ValueError, match="label 'spk': utt2spk is no name for a file of labels"):
        corpus.write_corpus("p", entries, tmp_path / "data", 0, False)
    assert not list(tmp_path.glob("data/*"))


def test_types_are_found_by_looking(local, tmp_path):
    find = local("find_corpus_type").find_corpus_type
    assert find(make_audformat(tmp_path / "af")) == "audformat" and find(make_iemocap(tmp_path / "ie")) == "iemocap"
    assert find(write_csv(tmp_path, "")) == "csv"
    names = {
        "emodb": "wav/03a01Fa.wav",
        "ravdess": "Actor_01/03-01-03-01-01-01-01.wav",
        "aesdd": "fear/f01 (1).wav",
        "polish": "m1.a_nie_2.wav",
    }
    for kind, name in names.items():
        assert find(make(tmp_path / kind, name)) == kind


def test_types_that_are_not_found(local, tmp_path):
    find = local("find_corpus_type").find_corpus_type
    mixed = make(tmp_path / "mixed", "03a01Fa.wav", "other.wav", "more.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"not recognised \(1 of 3 audio files have names as emodb\): name a CSV file"):
        find(mixed)
    with pytest.raises(ValueError, match=r"not recognised \(0 audio files with other names\)"):
        find(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        find(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"other\.wav: a file is expected to be a table, \.csv or \.tsv"):
        find(mixed / "other.wav")


def shell(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([root / "egs/emotion/local/prepare_corpus.sh", *arguments], capture_output=True, text=True)


def test_the_real_emodb(root, corpora, tmp_path):
    done = shell(root, corpora / "emodb", tmp_path / "my data")
    assert done.returncode == 0, done.stderr
    assert "anger 84, happiness 46, neutral 56, sadness 39" in done.stdout
    data = DataDir(tmp_path / "my data")
    assert len(data.utt2spk) == 225 and len(set(data.text.values())) == 10
    speakers = [f"emodb_{number}" for number in ("03", "08", "09", *range(10, 14))]
    assert data.spk2gender == dict(zip(speakers, "mffmmmf", strict=True))


def test_the_real_ravdess(root, corpora, tmp_path):
    done = shell(root, "--corpus-type", "ravdess", corpora / "ravdess", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "8 speakers, 480 utterances, 0.50 hours" in done.stdout
    assert "4 audio files are there already under the same name and are left out: raw48k_examples" in done.stderr
    assert "the same audio: ravdess_07-03-01-03-01-02-01 = ravdess_07-03-01-03-01-02-02; all are kept" in done.stderr


def test_the_original_stereo_files_of_ravdess(root, corpora, tmp_path):
    done = shell(root, corpora / "ravdess/raw48k_examples", tmp_path / "data")
    assert done.returncode == 0 and "2 recordings have several channels" in done.stderr, done.stderr
    rows = list(UtteranceAudio(tmp_path / "data"))
    assert [rate for *_, rate in rows] == [48000] * 4 and min(len(samples) for _, samples, _ in rows) > 100_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--corpus-type", "emo-db", "c", "data"), "--corpus-type emo-db: expected emodb, ravdess"),
        (("c",), "expected a corpus and a data directory, got 1 arguments"),
        (("c", "data"), "find_corpus_type: error: "),
        (("--corpus-type", "polish", "c", "data"), "no audio file with a name as polish has them, 1 others"),
    ],
)
def test_the_script_says_what_is_wrong(root, tmp_path, arguments, message):
    make(tmp_path / "c", "other.wav")
    options, paths = arguments[:-2] if len(arguments) > 2 else (), arguments[-2 if len(arguments) > 1 else -1 :]
    done = shell(root, *options, *(tmp_path / path for path in paths))
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_the_script_passes_its_options_on(root, tmp_path):
    text = "file,speaker,emotion,age\na.wav,s,anger,30\nb.wav,t,joy,40\n"
    path = write_csv(tmp_path, text).rename(tmp_path / "l.csv")
    options = ("--audio-dir", tmp_path / "c", "--labels", "age")
    done = shell(root, *options, path, tmp_path / "data")
    assert done.returncode == 0 and "Successfully validated" in done.stdout, done.stderr
    assert (tmp_path / "data/utt2age").read_text() == "s-a 30\nt-b 40\n"
    assert not (tmp_path / "data/utt2emotion").exists()
    done = shell(root, "--merge-excited", "false", make_iemocap(tmp_path / "ie"), tmp_path / "ie_data")
    assert done.returncode == 0 and "happiness 1, neutral 1" in done.stdout, done.stderr
    done = shell(root, "--table", "files", "--max-bad", "1", make_audformat(tmp_path / "af"), tmp_path / "af_data")
    assert done.returncode == 0 and len(DataDir(tmp_path / "af_data").utt2spk) == 2, done.stderr
