"""TIMIT's preparation: every layout gives the same data directory, bad files are counted, the lists follow the rule."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from egs.timit.local import speaker_lists, utterance_lists

SPEAKERS = {  # path order: TEST/DR1 FAKS0 MDAB0, TEST/DR2 MWEW0, TRAIN/DR1 FCJF0 MCPM0, TRAIN/DR2 FAEM0 MARC0
    "FCJF0": ("TRAIN", 1),
    "MCPM0": ("TRAIN", 1),
    "FAEM0": ("TRAIN", 2),
    "MARC0": ("TRAIN", 2),
    "FAKS0": ("TEST", 1),
    "MDAB0": ("TEST", 1),
    "MWEW0": ("TEST", 2),
}
SENTENCES = ("SA1", "SA2", "SI1027", "SI648", "SI943", "SX127", "SX217", "SX307", "SX37", "SX407")
TRAIN = ["FCJF0", "MCPM0", "FAEM0", "MARC0"]
TEST = ["FAKS0", "MDAB0", "MWEW0"]
DATA_FILES = (
    "wav.scp",
    "utt2spk",
    "spk2utt",
    "utt2dur",
    "spk2gender",
    "spk2dialect",
    "text",
    "phones.ctm",
    "words.ctm",
)


def samples_of(speaker: str, sentence: str) -> np.ndarray:
    rng = np.random.default_rng([ord(letter) for letter in speaker + sentence])
    return rng.integers(-2000, 2000, 1600 + int(sentence[2:]) % 97, dtype=np.int16)


def write_riff(path: Path, samples: np.ndarray) -> None:
    soundfile.write(path, samples, 16000, format="WAV", subtype="PCM_16")


def write_sphere(path: Path, samples: np.ndarray) -> None:
    lines = ["NIST_1A", "   1024", "channel_count -i 1", f"sample_count -i {len(samples)}", "sample_rate -i 16000"]
    lines += ["sample_n_bytes -i 2", "sample_byte_format -s2 01", "sample_sig_bits -i 16", "end_head", ""]
    path.write_bytes("\n".join(lines).encode().ljust(1024) + samples.astype("<i2").tobytes())


def write_labels(stem: Path, total: int, upper: bool) -> None:
    labels = {
        "txt": f"0 {total} Don't ask, please!\n",
        "wrd": f"100 600 don't\n600 900 ask\n900 {total - 200} please\n",
        "phn": f"0 100 h#\n100 600 dcl\n600 {total - 200} iy\n{total - 200} {total - 7} h#\n",
    }
    for kind, text in labels.items():
        stem.with_name(f"{stem.name}.{kind.upper() if upper else kind}").write_text(text)


def ldc_folders(top: Path, upper: bool = True) -> Iterator[tuple[Path, str]]:
    for speaker, (part, region) in SPEAKERS.items():
        folder = f"{part}/DR{region}/{speaker}"
        yield top / (folder if upper else folder.lower()), speaker


def build(
    folders: Iterator[tuple[Path, str]],
    suffix: str = ".WAV",
    write: Callable[[Path, np.ndarray], None] = write_sphere,
    upper: bool = True,
) -> None:
    for folder, speaker in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for sentence in SENTENCES:
            stem = folder / (sentence if upper else sentence.lower())
            samples = samples_of(speaker, sentence)
            write(stem.with_name(stem.name + suffix), samples)
            write_labels(stem, len(samples), upper)


def flat_folders(top: Path) -> Iterator[tuple[Path, str]]:
    for speaker, (_, region) in SPEAKERS.items():
        yield top / f"dr{region}-{speaker.lower()}", speaker


def prepare(root: Path, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, root / "egs/timit/local/prepare_timit.py", *options, corpus, out]
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(root)})


def prepared(root: Path, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess:
    done = prepare(root, corpus, out, *options)
    assert done.returncode == 0, done.stderr
    return done


def table(path: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


def words(path: Path) -> list[str]:
    return path.read_text().split()


def make_upper(top: Path) -> Path:
    build(ldc_folders(top / "TIMIT"))
    return top


def make_lower(top: Path) -> Path:
    build(ldc_folders(top / "timit", upper=False), ".wav", write_riff, upper=False)
    return top / "timit"


def make_nested(top: Path) -> Path:
    build(ldc_folders(top / "data/lisa/data/timit/raw/TIMIT"))
    (top / "data/lisa/data/timit/raw/TIMIT/DOC").mkdir()
    (top / "data/lisa/data/timit/raw/TIMIT/DOC/PROMPTS.TXT").write_text("; a document")
    return top


def make_kaggle(top: Path) -> Path:
    build(ldc_folders(top / "data"))
    build(ldc_folders(top / "data"), ".WAV.wav", write_riff)
    return top


def make_only_converted(top: Path) -> Path:
    build(ldc_folders(top / "TIMIT"), ".WAV.wav", write_riff)
    return top


def make_flac(top: Path) -> Path:
    build(ldc_folders(top), ".flac", lambda path, samples: soundfile.write(path, samples, 16000, subtype="PCM_16"))
    return top


def make_linked(top: Path) -> Path:
    build(ldc_folders(top / "disc/TIMIT"))
    (top / "here").mkdir()
    (top / "here/LDC93S1").symlink_to(top / "disc", target_is_directory=True)
    (top / "disc/TIMIT/loop").symlink_to(top / "disc", target_is_directory=True)
    return top / "here"


def make_flat_with_info(top: Path) -> Path:
    build(flat_folders(top), ".wav", write_riff, upper=False)
    use = {"TRAIN": "TRN", "TEST": "TST"}
    lines = [f"{s[1:]}  {s[0]}  {region}  {use[part]}  01/30/86" for s, (part, region) in SPEAKERS.items()]
    (top / "spkrinfo.txt").write_text("; ID Sex DR Use\n;TST\n" + "\n".join(lines) + "\n")
    return top


LAYOUTS = [make_upper, make_lower, make_nested, make_kaggle, make_only_converted, make_flac, make_linked]


@pytest.mark.parametrize("make", [*LAYOUTS, make_flat_with_info])
def test_every_layout_gives_the_same(root, tmp_path, make):
    corpus, out = make(tmp_path / "corpus"), tmp_path / "data"
    prepared(root, corpus, out)
    utt2spk = table(out / "all/utt2spk")
    keys = [f"{speaker}_{sentence}" for speaker in sorted(SPEAKERS) for sentence in sorted(SENTENCES)]
    assert list(utt2spk) == keys == sorted(keys, key=str.encode)
    assert utt2spk == {key: key[:5] for key in keys}
    assert table(out / "all/spk2gender") == {speaker: speaker[0].lower() for speaker in sorted(SPEAKERS)}
    assert table(out / "all/spk2dialect") == {speaker: f"dr{SPEAKERS[speaker][1]}" for speaker in sorted(SPEAKERS)}
    assert table(out / "all/text") == dict.fromkeys(keys, "don't ask please")
    for key, path in table(out / "all/wav.scp").items():
        assert Path(path).is_absolute() and not Path(path).name.startswith(".")
        samples, rate = soundfile.read(path, dtype="int16")
        assert rate == 16000
        np.testing.assert_array_equal(samples, samples_of(*key.split("_")))
        assert round(float(table(out / "all/utt2dur")[key]) * 16000) == len(samples)
    assert words(out / "lists/train_speakers") == TRAIN
    assert words(out / "lists/test_speakers") == TEST
    assert table(out / "all/spk2utt")["FCJF0"].split()[-2:] == ["FCJF0_SX37", "FCJF0_SX407"]


def test_ctm_holds_sample_positions_exactly(root, tmp_path):
    prepared(root, make_upper(tmp_path / "corpus"), tmp_path / "data")
    lines = [line.split() for line in (tmp_path / "data/all/phones.ctm").read_text().splitlines()]
    total = len(samples_of("FAEM0", "SA1"))
    first = [line for line in lines if line[0] == "FAEM0_SA1"]
    assert [(line[1], line[4]) for line in first] == [("1", "h#"), ("1", "dcl"), ("1", "iy"), ("1", "h#")]
    spans = [(float(start) * 16000, (float(start) + float(length)) * 16000) for _, _, start, length, _ in first]
    np.testing.assert_allclose(spans, [(0, 100), (100, 600), (600, total - 200), (total - 200, total - 7)], atol=1e-6)
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    spoken = [line.split()[4] for line in (tmp_path / "data/all/words.ctm").read_text().splitlines()]
    assert spoken[:3] == ["don't", "ask", "please"]


def test_flat_layout_without_parts(root, tmp_path):
    build(flat_folders(tmp_path / "timit"), ".wav", write_riff, upper=False)
    done = prepared(root, tmp_path / "timit", tmp_path / "data")
    assert "last third in path order (2 of 7 speakers)" in done.stderr
    assert words(tmp_path / "data/lists/test_speakers") == ["MARC0", "MWEW0"]  # the end of dr2-*
    assert words(tmp_path / "data/lists/train_speakers") == ["FAKS0", "FCJF0", "MCPM0", "MDAB0", "FAEM0"]


def test_only_the_training_part(root, tmp_path):
    build(ldc_folders(tmp_path / "TIMIT"))
    shutil.rmtree(tmp_path / "TIMIT/TEST")
    done = prepared(root, tmp_path / "TIMIT/TRAIN", tmp_path / "data")
    assert "last third" in done.stderr
    assert words(tmp_path / "data/lists/test_speakers") == ["MARC0"]


def test_two_copies_count_once(root, tmp_path):
    build(ldc_folders(tmp_path / "top/zz/TIMIT"))
    build(flat_folders(tmp_path / "top/a_flat"), ".wav", write_riff, upper=False)
    done = prepared(root, tmp_path / "top", tmp_path / "data")
    assert "a_flat holds a second copy of 7 speakers and is left out" in done.stderr
    assert all("/zz/TIMIT/" in path for path in table(tmp_path / "data/all/wav.scp").values())
    assert words(tmp_path / "data/lists/test_speakers") == TEST


def test_parts_in_different_places_are_joined(root, tmp_path):
    build(ldc_folders(tmp_path / "one"))
    (tmp_path / "two").mkdir()
    shutil.move(tmp_path / "one/TEST", tmp_path / "two/TEST")
    prepared(root, tmp_path, tmp_path / "data")
    assert words(tmp_path / "data/lists/train_speakers") == TRAIN
    assert words(tmp_path / "data/lists/test_speakers") == TEST


def test_speaker_in_both_parts_is_an_error(root, tmp_path):
    build(ldc_folders(tmp_path / "TIMIT"))
    shutil.copytree(tmp_path / "TIMIT/TEST/DR1/FAKS0", tmp_path / "TIMIT/TRAIN/DR1/FAKS0")
    done = prepare(root, tmp_path, tmp_path / "data")
    assert done.returncode == 1 and "FAKS0" in done.stderr and "remove one" in done.stderr


def damage(folder: Path) -> dict[str, str]:
    """Spoil five recordings; returns the reason for each."""
    (folder / "SA1.WAV").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (folder / "SA2.WAV").rename(folder / "._SA2.WAV")
    (folder / "._SA2.WAV").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X".ljust(200, b"\0"))
    (folder / "SX37.WAV").write_bytes(b"")
    soundfile.write(folder / "SX127.WAV", np.zeros(800, np.int16), 8000, format="WAV")
    soundfile.write(folder / "SX217.WAV", np.zeros((800, 2), np.int16), 16000, format="WAV")
    reasons = {
        "SA1": "lfs-pointer",
        "SA2": "appledouble",
        "SX37": "empty",
        "SX127": "wrong-rate",
        "SX217": "multichannel",
    }
    return {f"FAKS0_{sentence}": reason for sentence, reason in reasons.items()}


def test_bad_audio_is_counted(root, tmp_path):
    corpus = make_upper(tmp_path / "corpus")
    reasons = damage(corpus / "TIMIT/TEST/DR1/FAKS0")
    for options in ((), ("--max-bad", "4")):
        done = prepare(root, corpus, tmp_path / "data", *options)
        assert done.returncode == 1 and "5 bad audio files" in done.stderr and "Traceback" not in done.stderr
        assert not (tmp_path / "data/all").exists()
    prepared(root, corpus, tmp_path / "data", "--max-bad", "5")
    listed = [line.split("\t") for line in (tmp_path / "data/log/bad.1.tsv").read_text().splitlines()]
    assert {utterance: reason for utterance, reason, _ in listed} == reasons
    assert not set(table(tmp_path / "data/all/utt2spk")) & set(reasons)


def test_apple_double_beside_the_recording_is_no_loss(root, tmp_path):
    corpus = make_upper(tmp_path / "corpus")
    for path in sorted(corpus.rglob("*.WAV")):
        (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00".ljust(100, b"\0"))
    assert "70 utterances" in prepared(root, corpus, tmp_path / "data").stdout


def test_a_readable_twin_replaces_a_bad_file(root, tmp_path):
    corpus = make_kaggle(tmp_path / "corpus")
    (corpus / "data/TRAIN/DR1/FCJF0/SA1.WAV").write_text("version https://git-lfs.github.com/spec/v1\n")
    done = prepared(root, corpus, tmp_path / "data")
    assert "1 unreadable files have a readable twin" in done.stderr
    assert table(tmp_path / "data/all/wav.scp")["FCJF0_SA1"].endswith("/SA1.WAV.wav")


def test_audio_alone_is_enough(root, tmp_path):
    corpus = make_upper(tmp_path / "corpus")
    prepared(root, corpus, tmp_path / "data")
    assert (tmp_path / "data/all/text").is_file()
    (corpus / "TIMIT/TRAIN/DR1/FCJF0/SA1.TXT").unlink()
    for path in corpus.rglob("*.PHN"):
        path.unlink()
    done = prepared(root, corpus, tmp_path / "data")
    assert "70 sentences have no .PHN" in done.stderr and "1 sentences have no .TXT" in done.stderr
    left = {path.name for path in (tmp_path / "data/all").iterdir()}
    assert left == set(DATA_FILES) - {"text", "phones.ctm"}


def test_broken_labels_name_file_and_line(root, tmp_path):
    corpus = make_upper(tmp_path / "corpus")
    (corpus / "TIMIT/TRAIN/DR1/FCJF0/SA1.PHN").write_text("0 10 h#\nten 20 iy\n")
    done = prepare(root, corpus, tmp_path / "data")
    assert done.returncode == 1 and "SA1.PHN:2:" in done.stderr and "Traceback" not in done.stderr


def test_no_corpus(root, tmp_path):
    (tmp_path / "empty").mkdir()
    done = prepare(root, tmp_path / "empty", tmp_path / "data")
    assert done.returncode == 1 and "no TIMIT sentence" in done.stderr and "TRAIN/DR1/FCJF0/SA1.WAV" in done.stderr
    done = prepare(root, tmp_path / "nowhere", tmp_path / "data")
    assert done.returncode == 1 and "no such folder" in done.stderr


def test_real_sample(root, corpora, tmp_path):
    if not (corpora / "timit").is_dir():
        pytest.skip("no TIMIT sample")
    done = prepared(root, corpora / "timit", tmp_path / "data")
    assert "12 speakers (8 TRAIN, 4 TEST), 120 utterances" in done.stdout
    assert "timit_nltk_riff holds a second copy of 2 speakers" in done.stderr
    assert words(tmp_path / "data/lists/test_speakers") == ["FALR0", "MAEB0", "FAPB0", "MBMA1"]
    assert table(tmp_path / "data/all/text")["FAEM0_SA2"] == "don't ask me to carry an oily rag like that"
    prepared(root, corpora / "timit/timit_nltk_riff", tmp_path / "flat")
    assert table(tmp_path / "flat/all/utt2dur").items() <= table(tmp_path / "data/all/utt2dur").items()


def test_from_any_directory(root, tmp_path):
    make_upper(tmp_path)
    command = [root / "egs/timit/local/prepare_timit.sh", "--max-bad", "0", "TIMIT/", "data"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/all/wav.scp").is_file() and (tmp_path / "data/lists/train8").is_file()


# The lists of speakers and sentences


def full_timit() -> tuple[list[str], list[str]]:
    """Names made up, counts real: 462 TRAIN (326 men, 136 women), 168 TEST (112 men, 56 women), 8 regions, path order.

    The first TEST regions have the real sizes and sexes: DR1 has 11 speakers, DR2 26, and women come first in a path.
    """
    sizes = {  # (women, men) by region
        "TEST": [(4, 7), (8, 18), (3, 23), (16, 16), (11, 17), (3, 8), (8, 15), (3, 8)],
        "TRAIN": [(14, 24), (23, 53), (20, 56), (15, 53), (25, 45), (13, 22), (18, 59), (8, 14)],
    }
    parts = {}
    for part, regions in sizes.items():
        parts[part] = []
        for region, (women, men) in enumerate(regions, 1):
            tag = "AB"[part == "TEST"] + chr(64 + region)
            parts[part] += sorted(f"F{tag}{chr(65 + i % 26)}{i // 26}" for i in range(women))
            parts[part] += sorted(f"M{tag}{chr(65 + i % 26)}{i // 26}" for i in range(men))
    for part, women, men in (("TRAIN", 136, 326), ("TEST", 56, 112)):
        assert [sum(s[0] == sex for s in parts[part]) for sex in "FM"] == [women, men]
    return parts["TRAIN"], parts["TEST"]


def test_full_corpus_lists():
    train, test = full_timit()
    result = speaker_lists.make_lists(train, test)
    lists = result.lists
    assert result.full_corpus and result.dev_in_large
    assert lists["cluster_small"] == test[:20] and lists["cluster_large"] == test[:40]
    # DR1's 11 (4 f), 9 of DR2 (8 f): 12 f 8 m; all of DR2 and 3 women of DR3: 15 f 25 m.
    sexes = speaker_lists.describe(result)["sizes"]
    assert sexes["cluster_small"] == {"speakers": 20, "female": 12, "male": 8}
    assert sexes["cluster_large"] == {"speakers": 40, "female": 15, "male": 25}
    assert len(lists["train_large"]) == 590 and not set(lists["train_large"]) & set(lists["cluster_large"])
    assert set(lists["train_large"]) | set(lists["cluster_large"]) == {*train, *test}
    assert sexes["train_small"] == {"speakers": 100, "female": 50, "male": 50}
    women, men = ([s for s in train if s[0] == sex][:50] for sex in "FM")
    assert lists["train_small"] == [s for s in train if s in {*women, *men}]
    assert set(lists["train_small"]) < set(lists["train_large"])
    assert lists["dev"] == test[-20:] and set(lists["dev"]) < set(lists["train_large"])
    assert sexes["ten"] == {"speakers": 10, "female": 5, "male": 5}


def test_full_corpus_from_its_folders(root, tmp_path):
    train, test = full_timit()
    for part, speakers in (("train", train), ("test", test)):
        for speaker in reversed(speakers):
            folder = tmp_path / "timit" / part / f"dr{ord(speaker[2]) - 64}" / speaker.lower()
            folder.mkdir(parents=True)
            write_sphere(folder / "sa1.wav", samples_of(speaker, "SA1"))
    done = prepared(root, tmp_path, tmp_path / "data")
    assert "630 speakers (462 TRAIN, 168 TEST)" in done.stdout
    lists = tmp_path / "data/lists"
    assert (words(lists / "train_speakers"), words(lists / "test_speakers")) == (train, test)
    command = [sys.executable, root / "egs/timit/local/speaker_lists.py", lists]
    subprocess.run(command, check=True, env={"PYTHONPATH": str(root)})
    assert json.loads((lists / "lists.json").read_text())["full_corpus"] is True
    assert words(lists / "cluster_large") == test[:40] and len(words(lists / "train_large")) == 590


@pytest.mark.parametrize(
    "num_train, num_test", [(462, 60), (100, 39), (24, 12), (8, 4), (4, 3), (2, 2), (3, 0), (1, 1)]
)
def test_part_of_the_corpus(num_train, num_test):
    everyone = [
        f"{'FM'[i % 2]}{chr(65 + i // 260)}{chr(65 + i // 10 % 26)}X{i % 10}" for i in range(num_train + num_test)
    ]
    train, test = everyone[:num_train], everyone[num_train:]
    result = speaker_lists.make_lists(train, test)
    lists = result.lists
    assert not result.full_corpus and not result.dev_in_large
    assert lists["cluster_large"] == test[:40]
    assert lists["cluster_small"] == test[: len(lists["cluster_small"])]
    assert len(lists["cluster_small"]) <= 20
    assert set(lists["dev"]) <= set(train) and len(lists["dev"]) <= num_train / 2
    for name in ("cluster_large", "train_large", "train_small"):
        assert not set(lists[name]) & set(lists["dev"])
    assert not set(lists["train_large"]) & set(lists["cluster_large"])
    assert set(lists["train_small"]) <= set(lists["train_large"])
    if num_train >= 8:
        assert len(lists["dev"]) >= 2 and len(lists["train_small"]) >= 4
        women = sum(speaker[0] == "F" for speaker in lists["train_small"])
        assert 2 * women == len(lists["train_small"])


def test_bad_speaker_lists():
    with pytest.raises(ValueError, match="no TRAIN speaker"):
        speaker_lists.make_lists([], ["FAAA0"])
    with pytest.raises(ValueError, match="FAAA0 is listed twice"):
        speaker_lists.make_lists(["FAAA0"], ["FAAA0"])
    with pytest.raises(ValueError, match="'id1001'.*F or M"):
        speaker_lists.make_lists(["id1001"], [])


def test_a_corpus_too_small_to_cluster_says_so_to_the_later_stages(tmp_path, capsys):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "train_speakers").write_text("FAAA0\nMAAA0\n")
    (lists / "test_speakers").write_text("FBBB0\nMBBB0\n")
    assert speaker_lists.main([str(lists)]) == 0
    assert "dev has 1 speakers, 2 are needed" in (lists / "too_few_to_cluster").read_text()
    assert "too small for clustering" in capsys.readouterr().err
    (lists / "train_speakers").write_text("".join(f"{sex}AA{i}0\n" for i in range(6) for sex in "FM"))
    assert speaker_lists.main([str(lists)]) == 0
    assert not (lists / "too_few_to_cluster").exists()


def test_balanced_takes_from_either_end():
    speakers = ["FA", "MA", "MB", "FB", "MC", "FC"]
    assert speaker_lists.balanced(speakers, 4) == ["FA", "MA", "MB", "FB"]
    assert speaker_lists.balanced(speakers, 2, last=True) == ["MC", "FC"]
    assert speaker_lists.balanced(speakers, 0, last=True) == []
    assert speaker_lists.balanced(speakers, 3, last=True) == ["FB", "MC", "FC"]
    assert speaker_lists.balanced(speakers, 100) == speakers


def test_string_order_of_sentences():
    names = ["SX47", "SX407", "SA2", "SA1", "SI1067", "SI437", "SI1697", "SX137", "SX227", "SX317"]
    lists, left_out = utterance_lists.make_lists({"FAAA0": [f"FAAA0_{name}" for name in names]})
    assert lists["test2"] == ["FAAA0_SX407", "FAAA0_SX47"]
    wanted = ["SA1", "SA2", "SI1067", "SI1697", "SI437", "SX137", "SX227", "SX317"]
    assert lists["train8"] == [f"FAAA0_{name}" for name in wanted]
    assert (lists["train6"], lists["val2"]) == (lists["train8"][:6], lists["train8"][6:])
    assert left_out == []


def test_too_few_sentences():
    few = {"FAAA0": [f"FAAA0_SX{i}" for i in range(4)], "MAAA0": [f"MAAA0_SX{i}" for i in range(5)]}
    lists, left_out = utterance_lists.make_lists(few)
    assert left_out == ["FAAA0"]
    assert [len(lists[name]) for name in ("train8", "test2", "train6", "val2")] == [3, 2, 1, 2]
    lists, left_out = utterance_lists.make_lists({"FAAA0": few["FAAA0"]})
    assert left_out == ["FAAA0"] and not any(lists.values())


def test_a_speaker_with_too_few_sentences_is_in_no_experiment(root, tmp_path):
    """A list that named it would have the clustering look for embeddings that nobody makes."""
    top = make_upper(tmp_path / "corpus")
    speaker = next(name for name, (part, _) in SPEAKERS.items() if part == "TEST")
    folder = next(top.glob(f"TIMIT/TEST/*/{speaker}"))
    for path in sorted(folder.glob("*.WAV"))[4:]:
        path.unlink()
    script = root / "egs/timit/local/prepare_timit.sh"
    subprocess.run([script, top, tmp_path / "data"], check=True, capture_output=True)
    assert speaker in words(tmp_path / "data/all/spk2utt")
    assert not any(speaker in words(path) for path in (tmp_path / "data/lists").iterdir())
    for path in top.glob("TIMIT/*/*/*/*.WAV"):  # nobody has enough: the data directory is good all the same
        if path.stem not in ("SA1", "SA2"):
            path.unlink()
    done = subprocess.run([script, top, tmp_path / "few"], capture_output=True, text=True)
    assert done.returncode == 0 and "no speaker has 5 sentences" in done.stderr
    assert speaker in words(tmp_path / "few/lists/test_speakers")


def test_script_writes_everything(root, tmp_path):
    """prepare_timit.sh as a recipe calls it: from a folder with utils and path.sh."""
    corpus = make_upper(tmp_path / "corpus")
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "utils").symlink_to(root / "utils")
    (recipe / "local").symlink_to(root / "egs/timit/local")
    (recipe / "path.sh").write_text(f"export PYTHONPATH='{root}' PATH='{Path(sys.executable).parent}':\"$PATH\"\n")

    def call(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["local/prepare_timit.sh", *arguments], cwd=recipe, capture_output=True, text=True)

    done = call("--max-bad", "1", str(corpus), "data/x")
    assert done.returncode == 0, done.stderr
    lists = recipe / "data/x/lists"
    about = json.loads((lists / "lists.json").read_text())
    for name, size in about["sizes"].items():
        assert len(words(lists / name)) == size["speakers"] > 0
    assert words(lists / "test2") == [f"{s}_{u}" for s in sorted(SPEAKERS) for u in ("SX37", "SX407")]
    assert len(words(lists / "train8")) == 8 * len(SPEAKERS)

    done = call(str(corpus))
    assert done.returncode == 1 and "Usage: local/prepare_timit.sh" in done.stderr
    done = call("--max-bda", "1", str(corpus), "data/x")
    assert done.returncode == 1 and "max-bad" in done.stderr
