"""The back-end's commands beside real Kaldi's files: LDA, PLDA, adaptation, and every kind of scores."""

import gzip

import numpy as np
import pytest

from speechlib.bin import (
    adapt_plda,
    copy_plda,
    mean_vectors,
    normalize_length,
    score_cosine,
    score_plda,
    subtract_global_mean,
    train_lda,
    train_plda,
    transform_vectors,
)
from speechlib.io.plda_files import read_plda
from speechlib.io.tables import read_matrix, read_table, read_vector


@pytest.fixture(scope="module")
def plda_dir(golden, tmp_path_factory):
    """golden/plda with its compressed files unpacked, and the vectors as the recipe processes them."""
    folder = tmp_path_factory.mktemp("plda")
    for path in (golden / "plda").iterdir():
        data = path.read_bytes()
        (folder / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
    mean_vectors.main([f"ark:{folder}/enroll_spk2utt", f"ark:{folder}/enroll_ivectors.txt", f"ark:{folder}/models"])
    for name, source in {"models": "models", "test": "test_ivectors.txt", "adapt": "adapt_ivectors.txt"}.items():
        process(folder, name, source, [] if name == "adapt" else [f"{folder}/mean.vec"])
    process(folder, "train", "train_ivectors.txt", [])
    return folder


def process(folder, name, source, mean):
    subtract_global_mean.main([*mean, f"ark:{folder}/{source}", f"ark:{folder}/{name}.centred"])
    transform_vectors.main([f"{folder}/lda.mat", f"ark:{folder}/{name}.centred", f"ark:{folder}/{name}.lda"])
    normalize_length.main([f"ark:{folder}/{name}.lda", f"ark:{folder}/{name}.ark"])


def assert_rows_up_to_sign(ours, theirs, tolerance=1e-5):
    signs = np.sign((ours * theirs).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(ours * signs, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())


def assert_same_model(ours, theirs):
    ours, theirs = read_plda(f"{ours}"), read_plda(f"{theirs}")
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    assert_rows_up_to_sign(ours[1], theirs[1])
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-5, atol=1e-7)


def assert_same_table(ours, theirs, tolerance=1e-5):
    ours, theirs = dict(read_table(f"ark:{ours}", "vector")), dict(read_table(f"ark:{theirs}", "vector"))
    assert list(ours) == list(theirs)
    for key, vector in theirs.items():
        np.testing.assert_allclose(ours[key], vector, rtol=tolerance, atol=tolerance)


def test_means(plda_dir, tmp_path):
    mean_vectors.main([f"ark:{plda_dir}/train_ivectors.txt", f"{tmp_path}/mean"])
    np.testing.assert_allclose(read_vector(f"{tmp_path}/mean"), read_vector(f"{plda_dir}/mean.vec"), rtol=1e-5)
    mean_vectors.main([
        f"{plda_dir}/enroll_spk2utt", f"ark:{plda_dir}/enroll_ivectors.txt", f"ark,t:{tmp_path}/means",
        f"ark,t:{tmp_path}/num_utts",
    ])  # fmt: skip
    assert_same_table(tmp_path / "means", plda_dir / "enroll_spk_mean.txt")
    assert (tmp_path / "num_utts").read_bytes() == (plda_dir / "num_utts.txt").read_bytes()


@pytest.mark.parametrize(
    "command, options, expected",
    [
        (normalize_length, [], "test_lennorm.txt"),
        (normalize_length, ["--scaleup=false"], "test_lennorm_noscaleup.txt"),
        (subtract_global_mean, ["mean.vec"], "test_submean.txt"),
    ],
)
def test_changed_vectors(plda_dir, tmp_path, command, options, expected):
    options = [f"{plda_dir}/{option}" if option == "mean.vec" else option for option in options]
    command.main([*options, f"ark:{plda_dir}/test_ivectors.txt", f"ark,t:{tmp_path}/out"])
    assert_same_table(tmp_path / "out", plda_dir / expected)


def test_recipes_processing(plda_dir):
    assert_same_table(plda_dir / "test.ark", plda_dir / "test_recipe_processed.txt")


def test_lda(plda_dir, tmp_path):
    train_lda.main([
        "--total-covariance-factor=0.0", "--dim=16", f"ark:{plda_dir}/train.centred", f"ark:{plda_dir}/train_utt2spk",
        f"{tmp_path}/lda.mat",
    ])  # fmt: skip
    assert_rows_up_to_sign(read_matrix(f"{tmp_path}/lda.mat"), read_matrix(f"{plda_dir}/lda.mat"))


def test_lda_with_total_covariance_of_uncentred_vectors(plda_dir, tmp_path):
    train_lda.main([
        "--total-covariance-factor=0.1", "--binary=false", "--dim=16", f"ark:{plda_dir}/train_ivectors.txt",
        f"{plda_dir}/train_utt2spk", f"{tmp_path}/lda",
    ])  # fmt: skip
    assert (tmp_path / "lda").read_bytes().startswith(b" [\n  ")
    assert_rows_up_to_sign(read_matrix(f"{tmp_path}/lda"), read_matrix(f"{plda_dir}/lda_tcf0.1_uncentred.txt"))


@pytest.mark.parametrize("vectors, expected", [("train.ark", "plda"), ("train.centred", "plda_raw32")])
def test_plda(plda_dir, tmp_path, vectors, expected):
    train_plda.main([f"ark:{plda_dir}/train_spk2utt", f"ark:{plda_dir}/{vectors}", f"{tmp_path}/plda"])
    assert (tmp_path / "plda").read_bytes()[:10] == b"\0B<Plda> D"
    assert_same_model(tmp_path / "plda", plda_dir / expected)
    assert_same_model(tmp_path / "plda", plda_dir / f"{expected}.txt")


def test_smoothing(plda_dir, tmp_path):
    copy_plda.main(["--binary=false", "--smoothing=0.1", f"{plda_dir}/plda", f"{tmp_path}/smooth"])
    assert_same_model(tmp_path / "smooth", plda_dir / "plda_smooth0.1.txt")


def test_copies_are_kaldis_to_the_byte(plda_dir, tmp_path):
    copy_plda.main(["--binary=false", f"{plda_dir}/plda", f"{tmp_path}/text"])
    copy_plda.main([f"{plda_dir}/plda", f"{tmp_path}/binary"])
    assert (tmp_path / "text").read_bytes() == (plda_dir / "plda.txt").read_bytes()
    assert (tmp_path / "binary").read_bytes() == (plda_dir / "plda").read_bytes()


def test_adaptation(plda_dir, tmp_path):
    adapt_plda.main([
        "--binary=false", "--within-covar-scale=0.75", "--between-covar-scale=0.25", f"{plda_dir}/plda",
        f"ark:{plda_dir}/adapt.ark", f"{tmp_path}/adapted",
    ])  # fmt: skip
    assert_same_model(tmp_path / "adapted", plda_dir / "plda_adapt.txt")


@pytest.mark.parametrize(
    "scores, plda, options",
    [
        ("numutts", "plda", ["--normalize-length=true"]),
        ("no_numutts", "plda", ["--normalize-length=true"]),
        ("numutts_nolennorm", "plda", ["--normalize-length=false"]),
        ("numutts_simplelennorm", "plda", ["--simple-length-normalization=true"]),
        ("numutts_smooth0.1", "plda_smooth0.1.txt", []),
        ("numutts_smooth0.1", "plda", ["--smoothing=0.1"]),
        ("numutts_adapt", "plda_adapt.txt", []),
        ("raw32_numutts", "plda_raw32", []),
    ],
)
def test_plda_scores(plda_dir, tmp_path, scores, plda, options):
    if "no_numutts" not in scores:
        options = [*options, f"--num-utts=ark:{plda_dir}/num_utts.txt"]
    space = "centred" if "raw32" in scores else "ark"
    score_plda.main([
        *options, f"{plda_dir}/{plda}", f"ark:{plda_dir}/models.{space}", f"ark:{plda_dir}/test.{space}",
        f"cut -d' ' -f1,2 {plda_dir}/trials |", f"{tmp_path}/scores",
    ])  # fmt: skip
    assert_same_scores(tmp_path / "scores", plda_dir / f"scores_{scores}.txt")


def test_inner_products_in_kaldis_order_of_arguments(plda_dir, tmp_path):
    trials, models, test = f"{plda_dir}/trials", f"ark:{plda_dir}/models.ark", f"ark:{plda_dir}/test.ark"
    score_cosine.main(["--dot-product", trials, models, test, f"{tmp_path}/scores"])
    assert_same_scores(tmp_path / "scores", plda_dir / "scores_dot.txt")
    score_cosine.main([models, test, trials, f"{tmp_path}/cosine"])
    dim = len(next(read_table(test, "vector"))[1])
    cosines, products = (read_scores(tmp_path / name)[1] for name in ("cosine", "scores"))
    np.testing.assert_allclose(cosines, products / dim, atol=1e-6)


def read_scores(path):
    rows = [line.split() for line in path.read_text().splitlines()]
    return [row[:2] for row in rows], np.array([float(row[2]) for row in rows])


def assert_same_scores(ours, theirs):
    (our_pairs, ours), (their_pairs, theirs) = read_scores(ours), read_scores(theirs)
    assert our_pairs == their_pairs
    np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-6)


