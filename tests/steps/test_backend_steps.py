"""steps/train_plda.sh, score_plda.sh and score_cosine.sh: chains of commands, adaptation, models, and bad input."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.backend.class_statistics import class_statistics
from speechlib.backend.lda import estimate_lda
from speechlib.backend.plda import Plda, estimate_plda
from speechlib.backend.scoring import plda_scorer, project
from speechlib.backend.vectors import normalize_length, transform
from speechlib.io.plda_files import read_plda
from speechlib.io.tables import open_table, read_matrix, read_vector
from speechlib.io.vector_table import read_vectors

DIM, SPEAKERS, UTTERANCES = 12, 24, 6


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A recipe directory with embeddings of speakers for training, others for trials, and those of another domain."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    generator = np.random.default_rng(1)
    mixing = generator.standard_normal((DIM, DIM))
    for name, shift in {"train": 3.0, "test": 3.0, "other": 1.0}.items():
        (folder / f"data/{name}").mkdir(parents=True)
        (folder / f"exp/{name}").mkdir(parents=True)
        utterances = {}
        for speaker in range(SPEAKERS if name == "train" else 10):
            centre = generator.standard_normal(DIM) * np.linspace(2, 0.2, DIM)
            for utterance in range(UTTERANCES):
                vector = (centre + generator.standard_normal(DIM)) @ mixing + shift
                utterances[f"{name}{speaker:02d}-{utterance}"] = vector.astype(np.float32)
        with open_table(f"ark,scp:{folder}/exp/{name}/e.ark,{folder}/exp/{name}/embedding.scp") as writer:
            for utterance, vector in utterances.items():
                writer.write(utterance, vector)
        speakers = {}
        for utterance in utterances:
            speakers.setdefault(utterance.split("-")[0], []).append(utterance)
        write(folder / f"data/{name}/utt2spk", [f"{key} {key.split('-')[0]}" for key in utterances])
        write(folder / f"data/{name}/spk2utt", [f"{key} {' '.join(values)}" for key, values in speakers.items()])
    names = [f"test{speaker:02d}" for speaker in range(10)]
    labels = {True: "target", False: "nontarget"}
    pairs = [(a, b) for a in names for b in names]
    write(folder / "data/test/trials", [f"{a}-0 {b}-{n} {labels[a == b]}" for a, b in pairs for n in (4, 5)])
    write(folder / "data/test/trials_models", [f"{a} {b}-{n} {labels[a == b]}" for a, b in pairs for n in (4, 5)])
    write(folder / "data/test/models", [f"{a} {' '.join(f'{a}-{n}' for n in range(1 + i % 3))}" for i, a in
                                        enumerate(names)])  # fmt: skip
    return folder


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))


def step(recipe, root, *arguments):
    environment = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    return subprocess.run(
        list(arguments), cwd=recipe, env=environment | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def backend(recipe, root):
    done = step(recipe, root, "steps/train_plda.sh", "--lda-dim", "8", "data/train", "exp/train", "exp/backend")
    assert done.returncode == 0, done.stderr
    return recipe / "exp/backend"


def chain(backend, vectors):
    values = transform(vectors - read_vector(f"{backend}/mean.vec"), read_matrix(f"{backend}/transform.mat"))
    return normalize_length(values)[0]


def scores_of(path):
    return np.array([float(line.split()[2]) for line in path.read_text().splitlines()])


def test_the_back_end_is_what_its_parts_say(recipe, backend):
    table = read_vectors(f"scp:{recipe}/exp/train/embedding.scp")
    labels = np.repeat(np.arange(SPEAKERS), UTTERANCES)
    lda = estimate_lda(class_statistics(table.values, labels), 8)
    np.testing.assert_allclose(read_vector(f"{backend}/mean.vec"), table.values.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(read_matrix(f"{backend}/transform.mat")[:, :-1], lda.matrix[:, :-1], atol=1e-4)
    expected = estimate_plda(class_statistics(chain(backend, table.values), labels))
    np.testing.assert_allclose(read_plda(f"{backend}/plda")[2], expected.psi, rtol=1e-5)


def test_plda_scores_and_their_result(recipe, root, backend):
    done = step(
        recipe, root, "steps/score_plda.sh", "--tags", "system=toy layer=fc", "--seed", "7", "--num-bootstrap", "50",
        "--utt2spk", "data/test/utt2spk", "exp/backend", "exp/test", "exp/test", "data/test/trials", "exp/scores",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads((recipe / "exp/scores/result.json").read_text())
    assert result["seed"] == 7 and result["extra"]["system"] == "toy"
    assert result["counts"]["target"] == 20 and result["metrics"]["eer"]["value"] < 0.25
    table = read_vectors(f"scp:{recipe}/exp/test/embedding.scp")
    plda, row = Plda(*read_plda(f"{backend}/plda")), table.rows()
    vectors = project(plda, chain(backend, table.values))
    pairs = [line.split()[:2] for line in (recipe / "data/test/trials").read_text().splitlines()]
    expected = plda_scorer(plda, vectors, vectors).score(*np.array([[row[a], row[b]] for a, b in pairs]).T)
    np.testing.assert_allclose(scores_of(recipe / "exp/scores/scores"), expected, atol=1e-4)


def test_models_of_several_utterances(recipe, root, backend):
    done = step(
        recipe, root, "steps/score_plda.sh", "--enrol-spk2utt", "data/test/models", "--num-bootstrap", "0",
        "exp/backend", "exp/test", "exp/test", "data/test/trials_models", "exp/scores_models",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (recipe / "exp/scores_models/num_utts").read_text().splitlines()[:3] == [
        "test00 1", "test01 2", "test02 3"]  # fmt: skip
    table = read_vectors(f"scp:{recipe}/exp/test/embedding.scp")
    plda, row = Plda(*read_plda(f"{backend}/plda")), table.rows()
    model = chain(backend, table.values[[row[f"test02-{n}"] for n in range(3)]].mean(axis=0, keepdims=True))
    enrolled = project(plda, model, np.array([3.0]))
    test = project(plda, chain(backend, table.values[[row["test00-4"]]]))
    expected = plda_scorer(plda, enrolled, test, np.array([3.0])).score(np.zeros(1, int), np.zeros(1, int))
    lines = (recipe / "exp/scores_models/scores").read_text().splitlines()
    found = next(float(line.split()[2]) for line in lines if line.startswith("test02 test00-4 "))
    assert found == pytest.approx(expected[0], abs=1e-4)


def test_cosine_with_and_without_a_back_end(recipe, root, backend):
    common = ("exp/test", "exp/test", "data/test/pairs", "exp/cosine")
    lines = (recipe / "data/test/trials").read_text().splitlines()
    write(recipe / "data/test/pairs", [line.rsplit(" ", 1)[0] for line in lines])
    table = read_vectors(f"scp:{recipe}/exp/test/embedding.scp")
    row = table.rows()
    for options, vectors in (([], table.values), (["--backend", "exp/backend"], chain(backend, table.values))):
        done = step(recipe, root, "steps/score_cosine.sh", *options, *common)
        assert done.returncode == 0, done.stderr
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        expected = [unit[row[line.split()[0]]] @ unit[row[line.split()[1]]] for line in lines]
        np.testing.assert_allclose(scores_of(recipe / "exp/cosine/scores"), expected, atol=1e-5)
    assert not (recipe / "exp/cosine/result.json").exists()  # the pairs have no labels


def test_adaptation_takes_the_mean_of_the_domain(recipe, root, backend):
    done = step(
        recipe, root, "steps/score_plda.sh", "--adapt", "exp/other", "--num-bootstrap", "0", "exp/backend", "exp/test",
        "exp/test", "data/test/trials", "exp/scores_adapted",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    other = read_vectors(f"scp:{recipe}/exp/other/embedding.scp").values.mean(axis=0)
    np.testing.assert_allclose(read_vector(f"{recipe}/exp/scores_adapted/mean.vec"), other, rtol=1e-4, atol=1e-4)
    adapted, before = read_plda(f"{recipe}/exp/scores_adapted/plda"), read_plda(f"{backend}/plda")
    assert not np.allclose(adapted[0], before[0], atol=1e-3)


def test_a_back_end_trained_anew_forgets_the_former(recipe, root):
    for options, present in ((["--whiten", "true", "--lda-dim", "5"], True), ([], False)):
        done = step(recipe, root, "steps/train_plda.sh", *options, "data/train", "exp/train", "exp/anew")
        assert done.returncode == 0, done.stderr
        for name in ("transform.mat", "whitening.mat"):
            assert (recipe / "exp/anew" / name).exists() == present
    table = read_vectors(f"scp:{recipe}/exp/train/embedding.scp")
    assert len(read_plda(f"{recipe}/exp/anew/plda")[0]) == table.dim


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["train_plda.sh", "--lda-dim", "24", "data/train", "exp/train", "exp/bad"], "expected 1 to 12"),
        (["train_plda.sh", "data/train", "exp/none", "exp/bad"], "no file exp/none/embedding.scp"),
        (["train_plda.sh", "data/train"], "Usage: steps/train_plda.sh"),
        (["score_plda.sh", "exp/test", "exp/test", "data/test/trials", "exp/bad"], "Usage: steps/score_plda.sh"),
        (["score_cosine.sh", "exp/test", "exp/none", "data/test/trials", "exp/bad"], "no file exp/none/embedding.scp"),
        (["score_cosine.sh", "exp/test", "exp/train", "data/test/trials", "exp/bad"], "trials:1: no test vector of"),
        (["score_trials.sh", "exp/test", "exp/test", "data/test/trials", "exp/bad"], "Usage"),
    ],
)
def test_bad_input_is_told_and_leaves_no_scores(recipe, root, arguments, expected):
    done = step(recipe, root, f"steps/{arguments[0]}", *arguments[1:])
    assert done.returncode != 0 and expected in done.stderr
    for name in ("plda", "scores", "result.json"):
        assert not (recipe / "exp/bad" / name).exists()
