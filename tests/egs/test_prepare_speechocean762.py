"""speechocean762's preparation: the real sample, the demo, kind errors; its download from a server of our own."""

import shutil
import subprocess
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

TRAIN, TEST = ("0001", "0002", "0003"), ("0004", "0005")
PROMPTS = (11, 53, 75)


def utterances(speakers: tuple[str, ...]) -> list[str]:
    return [f"0{speaker}{prompt:04d}" for speaker in speakers for prompt in PROMPTS]


def path_of(utterance: str) -> str:
    return f"WAVE/SPEAKER{utterance[1:5]}/{utterance}.WAV"


def make_corpus(top: Path, suffix: str = ".WAV", trials: bool = True) -> Path:
    for part, speakers in (("train", TRAIN), ("test", TEST)):
        (top / part).mkdir(parents=True)
        utts = utterances(speakers)
        (top / part / "wav.scp").write_text("".join(f"{utt}\t{path_of(utt)}\n" for utt in utts))
        (top / part / "utt2spk").write_text("".join(f"{utt}\t{utt[1:5]}\n" for utt in utts))
        (top / part / "text").write_text("".join(f"{utt}\tWE CALL IT BEAR\n" for utt in utts))
        (top / part / "spk2gender").write_text("".join(f"{s} {'mf'[int(s) % 2]}\n" for s in speakers))
        (top / part / "spk2age").write_text("".join(f"{s} {int(s) + 6}\n" for s in speakers))
        for utt in utts:
            path = (top / path_of(utt)).with_suffix(suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            samples = np.random.default_rng(int(utt)).integers(-900, 900, 1600 + int(utt) % 50, dtype=np.int16)
            soundfile.write(path, samples, 16000, format="FLAC" if suffix == ".flac" else "WAV", subtype="PCM_16")
    if trials:
        a, b, *_ = utts = utterances(TEST)
        lines = [f"1 {path_of(a)} {path_of(b)}", f"0 {path_of(utts[-1])} {path_of(a)}"]
        (top / "trials_test.txt").write_text("\n".join(lines) + "\n")
    return top


def prepare(root: Path, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess:
    script = root / "egs/speechocean762/local/prepare_speechocean762.sh"
    return subprocess.run([script, *options, corpus, out], capture_output=True, text=True)


def table(path: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


@pytest.mark.parametrize("suffix", [".WAV", ".wav", ".flac"])
def test_both_parts_with_their_labels_and_the_corpus_own_trials(root, tmp_path, suffix):
    corpus = make_corpus(tmp_path / "corpus", suffix)
    done = prepare(root, corpus, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "train: 3 speakers, 9 utterances" in done.stdout and "not the whole corpus, which has 125" in done.stdout
    for part, speakers in (("train", TRAIN), ("test", TEST)):
        folder = tmp_path / "data" / part
        assert table(folder / "utt2spk") == {utt: utt[1:5] for utt in utterances(speakers)}
        assert table(folder / "text") == dict.fromkeys(utterances(speakers), "WE CALL IT BEAR")
        assert table(folder / "spk2age") == {speaker: str(int(speaker) + 6) for speaker in speakers}
        assert set(table(folder / "spk2gender")) == set(speakers)
        for utt, path in table(folder / "wav.scp").items():
            assert Path(path).is_absolute()
            assert round(float(table(folder / "utt2dur")[utt]) * 16000) == len(soundfile.read(path)[0])
    a, b, *_, last = utterances(TEST)
    assert (tmp_path / "data/test/trials").read_text() == f"{a} {b} target\n{last} {a} nontarget\n"


def test_without_a_list_trials_are_drawn_with_the_seed(root, tmp_path):
    corpus = make_corpus(tmp_path / "corpus", trials=False)
    texts = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        done = prepare(root, corpus, tmp_path / name, "--seed", seed, "--num-target", "3")
        assert f"6 trials (3 target, 3 nontarget): drawn with seed {seed}, since the corpus has no" in done.stdout
        texts.append((tmp_path / name / "test/trials").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_the_real_sample(root, corpora, tmp_path):
    done = prepare(root, corpora / "speechocean762", tmp_path)
    assert done.returncode == 0, done.stderr
    sizes = [len(table(tmp_path / part / name)) for part in ("train", "test") for name in ("spk2utt", "utt2spk")]
    assert sizes == [80, 960, 28, 280]
    labels = [line.split()[2] for line in (tmp_path / "test/trials").read_text().splitlines()]
    assert len(labels) == 2500 and labels.count("target") == 1250


def remove_audio(corpus: Path) -> None:
    (corpus / path_of(utterances(TEST)[0])).unlink()


def share_a_speaker(corpus: Path) -> None:
    text = (corpus / "test/utt2spk").read_text()
    (corpus / "test/utt2spk").write_text(text.replace("\t0004", "\t0001"))


def lose_an_utterance(corpus: Path) -> None:
    lines = (corpus / "train/utt2spk").read_text().splitlines(keepends=True)
    (corpus / "train/utt2spk").write_text("".join(lines[1:]))


def name_an_unknown(corpus: Path) -> None:
    with (corpus / "trials_test.txt").open("a") as file:
        file.write(f"0 WAVE/SPEAKER0009/000090011.WAV {path_of(utterances(TEST)[0])}\n")


def name_a_training_utterance(corpus: Path) -> None:
    with (corpus / "trials_test.txt").open("a") as file:
        file.write(f"0 {path_of(utterances(TRAIN)[0])} {path_of(utterances(TEST)[0])}\n")


def run_a_command(corpus: Path) -> None:
    path = corpus / "train/wav.scp"
    path.write_text(path.read_text().replace(path_of(utterances(TRAIN)[0]), "touch /tmp/x |"))


def lose_a_part(corpus: Path) -> None:
    shutil.rmtree(corpus / "test")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_audio, "1 bad audio files"),
        (share_a_speaker, "1 speakers are in training and in evaluation (0001)"),
        (lose_an_utterance, "1 utterances are in only one of wav.scp and utt2spk, e.g. 000010011"),
        (name_an_unknown, "1 of 3 trials of"),
        (name_a_training_utterance, "WAVE/SPEAKER0001/000010011.WAV; complete the corpus"),
        (run_a_command, "a command is no file of the corpus"),
        (lose_a_part, "no folder test there"),
    ],
)
def test_what_is_wrong_is_said(root, tmp_path, spoil, message):
    corpus = make_corpus(tmp_path / "corpus")
    spoil(corpus)
    done = prepare(root, corpus, tmp_path / "data")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data/test/trials").exists()


def test_missing_audio_may_be_left_out(root, tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    name_an_unknown(corpus)
    done = prepare(root, corpus, tmp_path / "data", "--allow-missing", "true")
    assert done.returncode == 0 and "warning: 1 of 3 trials" in done.stderr
    assert len((tmp_path / "data/test/trials").read_text().splitlines()) == 2


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def address(tmp_path):
    """A server of the folder tmp_path/served."""
    (tmp_path / "served").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "served")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def download(root: Path, url: str, out: Path, *options: str) -> subprocess.CompletedProcess:
    script = root / "egs/speechocean762/local/download_speechocean762.sh"
    return subprocess.run([script, "--url", url, *options, out], capture_output=True, text=True)


def test_download_and_unpack(root, tmp_path, address):
    corpus = make_corpus(tmp_path / "speechocean762")
    with tarfile.open(tmp_path / "served/corpus.tar.gz", "w:gz") as archive:
        archive.add(corpus, "speechocean762")
    out = tmp_path / "here/corpus"
    done = download(root, f"{address}/corpus.tar.gz", out, "--sha256", "00")
    assert done.returncode == 1 and "expected 00" in done.stderr and not out.exists()
    done = download(root, f"{address}/corpus.tar.gz", out)
    assert done.returncode == 0, done.stderr
    files = [
        {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (corpus, out)
    ]
    assert files[0] == files[1] and [path.name for path in out.parent.iterdir()] == ["corpus"]
    assert "already there" in download(root, "http://127.0.0.1:9/", out).stdout
    assert prepare(root, out, tmp_path / "data").returncode == 0


def test_download_of_something_else(root, tmp_path, address):
    (tmp_path / "served/page.html").write_text("<html>moved</html>")
    done = download(root, f"{address}/page.html", tmp_path / "corpus")
    assert done.returncode == 1 and "no complete tar archive" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "corpus").exists()
    assert "404" in download(root, f"{address}/absent", tmp_path / "other").stderr
