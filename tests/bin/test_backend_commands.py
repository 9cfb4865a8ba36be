"""The back-end's commands on bad input: one line that says what is wrong, and no output."""

import sys

import numpy as np
import pytest

from speechlib.bin import (
    adapt_plda,
    apply_backend,
    mean_vectors,
    score_cosine,
    score_plda,
    subtract_global_mean,
    train_lda,
    train_plda,
    train_whitening,
    transform_vectors,
)
from speechlib.io.cli import run
from speechlib.io.plda_files import write_plda
from speechlib.io.tables import open_table, read_matrix, read_table, write_matrix, write_vector

DIM = 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Embeddings of four speakers with five utterances, and what is wrong with some; the working directory."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    vectors = {
        f"s{speaker}-{utterance}": (centre + generator.standard_normal(DIM)).astype(np.float32)
        for speaker, centre in enumerate(3 * generator.standard_normal((4, DIM)))
        for utterance in range(5)
    }
    bad = {**vectors, "s1-3": np.array([1, np.nan, 0], np.float32)}
    wide = {key: np.ones(DIM + 1, np.float32) for key in vectors}
    few = {key: vectors[key] for key in list(vectors)[:2]}
    for name, table in {"good": vectors, "nan": bad, "wide": wide, "few": few}.items():
        with open_table(f"ark:{name}.ark") as writer:
            for key, vector in table.items():
                writer.write(key, vector)
    write("utt2spk", [f"{key} {key[:2]}" for key in vectors])
    write("spk2utt", [f"s{speaker} " + " ".join(f"s{speaker}-{n}" for n in range(5)) for speaker in range(4)])
    write("single", [f"{key} {key}" for key in vectors])
    write("repeated", ["s0 s0-0 s0-1", "s1 s0-1 s1-0 s1-1"])
    write("trials", ["s0-0 s0-1 target", "s0-0 s1-1 nontarget"])
    write("unknown", ["s0-0 s0-1", "s0-0 s9-1", "s0-0 s9-2"])
    write("twice", ["s0-0 s0-1 target", "s0-0 s1-1 nontarget", "s0-0 s0-1 target"])
    write("num_utts", ["s0-0 2"])
    write("other_models", ["s0-0 s0-1", "s1-0 s0-1"])
    write_plda("plda", np.zeros(DIM), np.eye(DIM), np.ones(DIM))
    write_matrix("wide.mat", np.ones((2, 7), np.float32))
    write_vector("wide.vec", np.ones(DIM + 1, np.float32))
    return tmp_path


def write(name, lines):
    with open(name, "w") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    "command, arguments, message",
    [
        (train_lda, ["--dim=2", "ark:nan.ark", "utt2spk", "out"], "'s1-3' holds NaN"),
        (train_lda, ["--dim=5", "ark:good.ark", "utt2spk", "out"], "expected 1 to 3"),
        (train_lda, ["--dim=2", "ark:good.ark", "single", "out"], "good.ark, single: every speaker has one utterance"),
        (train_lda, ["--dim=2", "ark:good.ark", "num_utts", "out"], "at most 0"),
        (train_lda, ["--dim=2", "ark:few.ark", "unknown", "out"], "was there already in line 1"),
        (train_plda, ["spk2utt", "ark:nan.ark", "out"], "'s1-3' holds NaN"),
        (train_plda, ["single", "ark:good.ark", "out"], "single, ark:good.ark: every speaker has one utterance"),
        (train_plda, ["repeated", "ark:good.ark", "out"], "repeated: utterance 's0-1' is listed twice"),
        (adapt_plda, ["good.ark", "ark:good.ark", "out"], "not a model of Kaldi's"),
        (train_plda, ["spk2utt", "ark:few.ark", "out"], "a single speaker"),
        (train_plda, ["num_utts", "ark:good.ark", "out"], "none of its utterances has a vector"),
        (adapt_plda, ["plda", "ark:wide.ark", "out"], "vectors of dimension 4, a PLDA of dimension 3"),
        (score_plda, ["plda", "ark:wide.ark", "ark:wide.ark", "trials", "out"], "plda has dimension 3"),
        (score_plda, ["plda", "ark:good.ark", "ark:nan.ark", "trials", "out"], "'s1-3' holds NaN"),
        (score_plda, ["plda", "ark:good.ark", "ark:good.ark", "unknown", "out"], "unknown:2: no test vector of 's9-1'"),
        (score_plda, ["plda", "ark:good.ark", "ark:good.ark", "unknown", "out"], "2 of 3 trials"),
        (score_plda, ["plda", "ark:good.ark", "ark:good.ark", "twice", "out"], "twice:3: trial 's0-0 s0-1' was there"),
        (
            score_plda,
            ["--num-utts", "num_utts", "plda", "ark:good.ark", "ark:good.ark", "other_models", "out"],
            "num_utts: no number of utterances of 's1-0'; 1 of the 2 models",
        ),
        (score_plda, ["trials", "ark:good.ark", "ark:good.ark", "trials", "out"], "trials: "),
        (score_cosine, ["ark:good.ark", "ark:wide.ark", "trials", "out"], "they must agree"),
        (score_cosine, ["ark:good.ark", "ark:good.ark", "unknown", "out"], "unknown:2: no test vector"),
        (transform_vectors, ["wide.mat", "ark:good.ark", "ark:out"], "expected 3 or 4"),
        (subtract_global_mean, ["wide.vec", "ark:good.ark", "ark:out"], "a mean of dimension 4"),
        (mean_vectors, ["single", "ark:wide.ark", "ark:out", "ark:nowhere/counts"], "does not exist"),
        (mean_vectors, ["num_utts", "ark:good.ark", "ark:out"], "none of its utterances has a vector"),
        (train_whitening, ["ark:few.ark", "out"], "more vectors than dimensions"),
        (train_whitening, ["--utt2spk", "num_utts", "ark:good.ark", "out"], "19 utterances lack one"),
        (train_whitening, ["--utt2spk", "single", "ark:good.ark", "out"], "too few"),
        (apply_backend, [".", "ark:good.ark", "ark:out"], "train the back-end first"),
        (apply_backend, ["--mean", "wide.vec", ".", "ark:good.ark", "ark:out"], "wide.vec has dimension 4"),
        (apply_backend, ["--spk2utt", "num_utts", "", "ark:good.ark", "ark:out"], "no utterance of model 's0-0'"),
    ],
)
def test_bad_input(folder, capsys, monkeypatch, command, arguments, message):
    name = command.__name__.rpartition(".")[2]
    monkeypatch.setattr(sys, "argv", [name])
    with pytest.raises(SystemExit) as exit_status:
        run(lambda: command.main(arguments))
    error = capsys.readouterr().err
    assert exit_status.value.code == 1
    assert error.startswith(f"{name}: ") and "error: " in error and message in error and "Traceback" not in error
    assert not (folder / "out").exists() and not list(folder.glob(".*tmp"))


def test_fewer_vectors_than_dimensions(folder):
    with open_table("ark:flat.ark") as writer:
        for speaker in range(2):
            for utterance in range(2):
                writer.write(f"s{speaker}-{utterance}", np.random.default_rng(speaker).standard_normal(9))
    with pytest.raises(ValueError, match="4 vectors of dimension 9"):
        train_plda.main(["ark:head -n 2 spk2utt |", "ark:flat.ark", "out"])


def test_few_vectors_within_speakers_are_warned_of(folder, capsys):
    train_plda.main(["ark:echo s0 s0-0 s0-1; echo s1 s1-0 s1-1 |", "ark:good.ark", "plda_of_few"])
    assert "show 2 ways to vary within a speaker, fewer than the 3 dimensions" in capsys.readouterr().err


def test_only_models_of_the_trials_need_their_number_of_utterances(folder):
    arguments = ["plda", "ark:good.ark", "ark:good.ark", "trials"]
    score_plda.main(["--num-utts", "num_utts", *arguments, "two"])
    score_plda.main([*arguments, "one"])
    assert (folder / "two").read_text() != (folder / "one").read_text()


def test_what_is_lacking_is_counted(folder, capsys):
    write("some", ["s0 s0-0 s0-1 s0-9", "s1 s1-0 s1-1 s1-2", "s2 s2-0", "s3 s3-9"])
    train_plda.main(["some", "ark:good.ark", "plda_of_some"])
    error = capsys.readouterr().err
    assert "2 of 8 utterances of some have no vector" in error and "1 speakers are left with none" in error
    assert "1 of 3 speakers have one utterance" in error
    write("some2spk", [f"s{speaker}-{n} s{speaker}" for speaker in range(3) for n in range(4)])
    train_lda.main(["--dim=2", "ark:good.ark", "some2spk", "lda"])
    assert "8 of 20 utterances have no speaker" in capsys.readouterr().err
    assert read_matrix("lda").shape == (2, DIM + 1)
    mean_vectors.main(["some", "ark:good.ark", "ark:means", "ark,t:counts"])
    assert "no vector of any utterance of s3" in capsys.readouterr().err
    assert dict(read_table("ark:counts", "int")) == {"s0": 2, "s1": 3, "s2": 1}


def test_labels_and_voxcelebs_order_of_trials_are_taken(folder):
    for lines in (["s0-0 s0-1", "s0-0 s1-1"], ["1 s0-0 s0-1", "0 s0-0 s1-1"]):
        write("other", lines)
        score_plda.main(["plda", "ark:good.ark", "ark:good.ark", "trials", "a"])
        score_plda.main(["plda", "ark:good.ark", "ark:good.ark", "other", "b"])
        assert (folder / "a").read_text() == (folder / "b").read_text()


def test_whitening_within_speakers(folder):
    train_whitening.main(["--utt2spk", "utt2spk", "ark:good.ark", "wccn"])
    transform_vectors.main(["wccn", "ark:good.ark", "ark:white.ark"])
    vectors = np.array([vector for _, vector in read_table("ark:white.ark")]).reshape(4, 5, DIM)
    rest = (vectors - vectors.mean(axis=1, keepdims=True)).reshape(-1, DIM)
    np.testing.assert_allclose(rest.T @ rest / 20, np.eye(DIM), atol=1e-4)
