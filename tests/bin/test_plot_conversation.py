"""plot_conversation: pictures from the files of a data directory, and bad ones."""

import numpy as np
import pytest

from speechlib.bin import plot_conversation
from speechlib.io.tables import open_table


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = "SPEAKER {} 1 {} 1.0 <NA> <NA> {} <NA> <NA>\n"
    turns = [("r", 0, "MÉO069"), ("r", 1, "b"), ("r", 2, "b"), ("q", 0, "b")]
    (tmp_path / "ref.rttm").write_text("".join(line.format(*turn) for turn in turns), encoding="utf-8")
    (tmp_path / "hyp.rttm").write_text("".join(line.format(name, start, start % 2) for name, start, _ in turns))
    (tmp_path / "reco2utt").write_text("r r-1 r-2 r-3\nq q-1\n")
    (tmp_path / "utt2spk").write_text("q-1 b\nr-1 MÉO069\nr-2 b\nr-3 b\n", encoding="utf-8")
    (tmp_path / "selection.json").write_text('{"cut": "dev", "threshold": 1.5}')
    with open_table("ark:trees") as trees, open_table("ark:matrices") as matrices:
        trees.write("r", np.array([[1.0, 2, 1, 2], [0, 3, 2, 3]]))
        trees.write("q", np.empty((0, 0)))
        matrices.write("r", np.ones((3, 3)))
        matrices.write("q", np.ones((1, 1)))
    frames = np.random.default_rng(0).standard_normal((3, 20, 2))
    with open_table("ark:moments") as writer:
        for place, own in enumerate(frames, 1):
            extended = np.column_stack([np.ones(20), own])
            writer.write(f"r-{place}", extended.T @ extended)
    return tmp_path


TURNS = ["--reference=ref.rttm", "--hypothesis=hyp.rttm"]
TREES = [*TURNS, "--reco2utt=reco2utt", "--utt2spk=utt2spk", "--trees=ark:trees"]


@pytest.mark.parametrize(
    "options",
    [
        TURNS,
        TREES,
        [*TREES, "--distances=ark:matrices", "--threshold=1.5"],
        [*TREES, "--scores=ark:matrices", "--selection=selection.json"],
        [*TREES, "--statistics=ark:moments", "--distance=glr"],
    ],
)
def test_pictures(files, options):
    plot_conversation.main([*options, "r", "r.png"])
    assert (files / "r.png").read_bytes()[:4] == b"\x89PNG"


def test_several_pictures(files):
    plot_conversation.main([*TREES, "--distances=ark:matrices", "r", "r.svg", "q", "q.pdf"])
    assert (files / "r.svg").exists()
    assert (files / "q.pdf").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([*TURNS, "R", "r.png"], r"no turn of conversation 'R', nor in hyp.rttm"),
        ([*TURNS, "r", "r.gif"], "r.gif: expected a picture's name"),
        ([*TURNS, "r", "r.png", "q"], "3 arguments: expected pairs"),
        ([*TURNS, "--trees=ark:trees", "r", "r.png"], "--trees goes with --reco2utt and --utt2spk"),
        ([*TURNS, "--scores=ark:matrices", "r", "r.png"], "--scores goes with --trees"),
        ([*TREES, "--scores=ark:a", "--distances=ark:b", "r", "r.png"], "one of --distances, --scores and"),
        ([*TREES, "--threshold=1", "--selection=selection.json", "r", "r.png"], "one of --threshold and --selection"),
        ([*TREES, "--statistics=ark:moments", "--distance=bic", "q", "q.png"], "no statistics of utterance 'q-1'"),
    ],
)
def test_errors(files, arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_conversation.main(arguments)
    assert not list(files.glob("*.png"))


def test_a_matrix_of_other_utterances(files):
    with open_table("ark:other") as writer:
        writer.write("r", np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"'r': a matrix of shape \(2, 2\), but 3 utterances"):
        plot_conversation.main([*TREES, "--scores=ark:other", "r", "r.png"])
    with pytest.raises(ValueError, match="no matrix of conversation 'q'"):
        plot_conversation.main([*TREES, "--scores=ark:other", "q", "q.png"])


def test_an_utterance_without_speaker(files):
    (files / "utt2spk").write_text("r-1 a\nr-2 b\n")
    with pytest.raises(ValueError, match="no speaker of utterance 'r-3'"):
        plot_conversation.main([*TREES, "r", "r.png"])
