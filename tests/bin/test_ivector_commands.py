"""The i-vector chain as commands: every file of Kaldi's from the stored models on, and bad input.

Kaldi computes in single precision and writes 7 digits: the tolerances are what that leaves, relative to the largest
number of an array; where an M step solves for small differences of large sums they are wider.
"""

import numpy as np
import pytest

from speechlib.bin import (
    acc_ivector_extractor,
    acc_ubm,
    diag_to_full_ubm,
    est_diag_ubm,
    est_full_ubm,
    est_ivector_extractor,
    extract_ivectors,
    frame_likes,
    gselect_to_post,
    gselect_ubm,
    init_diag_ubm,
    init_ivector_extractor,
    sum_stats,
)
from speechlib.io.gmm_models import read_diag_gmm, read_full_gmm, read_sums
from speechlib.io.ivector_models import read_extractor, read_extractor_sums
from speechlib.io.posteriors import read_gselect, read_posteriors
from speechlib.io.tables import open_table, read_table


def run(module, *arguments):
    status = module.main([str(argument) for argument in arguments])
    assert not status


def close(ours, theirs, tolerance):
    for name, a, b in zip(theirs._fields, ours, theirs, strict=True):
        assert np.abs(np.asarray(a) - np.asarray(b)).max() <= tolerance * np.abs(b).max(), name


@pytest.fixture
def kaldi(golden):
    return golden / "ivector"


@pytest.fixture
def feats(kaldi):
    return f"ark:gunzip -c {kaldi}/feats.txt.gz |"


def test_diagonal_ubm(tmp_path, kaldi, feats):
    run(gselect_ubm, "--n=3", kaldi / "dubm0.txt", feats, f"ark,t:{tmp_path}/gselect")
    assert (tmp_path / "gselect").read_bytes() == (kaldi / "gselect.txt").read_bytes()
    run(acc_ubm, "--binary=false", kaldi / "dubm0.txt", feats, tmp_path / "accs")
    close(read_sums(f"{tmp_path}/accs"), read_sums(f"{kaldi}/dubm0_accs.txt"), 3e-6)
    run(est_diag_ubm, "--min-gaussian-weight=0.0001", kaldi / "dubm0.txt", kaldi / "dubm0_accs.txt", tmp_path / "dubm1")
    close(read_diag_gmm(f"{tmp_path}/dubm1"), read_diag_gmm(f"{kaldi}/dubm1.txt"), 1e-5)
    # From our own sums: differences of sums of squares lose digits.
    run(est_diag_ubm, "--min-gaussian-weight=0.0001", kaldi / "dubm0.txt", tmp_path / "accs", tmp_path / "own")
    close(read_diag_gmm(f"{tmp_path}/own"), read_diag_gmm(f"{kaldi}/dubm1.txt"), 1e-4)
    run(frame_likes, "--average=true", kaldi / "dubm1.txt", feats, f"ark,t:{tmp_path}/likes")
    ours, theirs = (dict(read_table(f"ark:{path}", "float")) for path in
                    (tmp_path / "likes", kaldi / "dubm1_avg_loglikes.txt"))  # fmt: skip
    assert ours == pytest.approx(theirs, abs=2e-5)


def test_full_ubm(tmp_path, kaldi, feats):
    run(diag_to_full_ubm, kaldi / "dubm1.txt", tmp_path / "fubm0")
    close(read_full_gmm(f"{tmp_path}/fubm0"), read_full_gmm(f"{kaldi}/fubm0.txt"), 1e-6)
    run(acc_ubm, kaldi / "fubm0.txt", feats, tmp_path / "accs")
    close(read_sums(f"{tmp_path}/accs"), read_sums(f"{kaldi}/fubm0_accs.txt"), 2e-6)
    floors = ("--min-gaussian-occupancy=30", "--min-gaussian-weight=0.0001")
    for sums in (kaldi / "fubm0_accs.txt", tmp_path / "accs"):
        run(est_full_ubm, *floors, kaldi / "fubm0.txt", sums, tmp_path / "fubm1")
        close(read_full_gmm(f"{tmp_path}/fubm1"), read_full_gmm(f"{kaldi}/fubm1.txt"), 2e-5)
    run(frame_likes, "--average=true", kaldi / "fubm1.txt", feats, f"ark,t:{tmp_path}/likes")
    ours, theirs = (dict(read_table(f"ark:{path}", "float")) for path in
                    (tmp_path / "likes", kaldi / "fubm1_avg_loglikes.txt"))  # fmt: skip
    assert ours == pytest.approx(theirs, abs=2e-5)


def test_posteriors(tmp_path, kaldi, feats):
    run(gselect_to_post, "--min-post=0.025", kaldi / "fubm1.txt", feats, f"ark:{kaldi}/gselect.txt",
        f"ark:{tmp_path}/p")  # fmt: skip
    run(gselect_to_post, "--min-post=0.025", "--scale=0.5", "--num-gselect=3", kaldi / "fubm1.txt", feats,
        f"ark:{tmp_path}/q")  # fmt: skip
    own = dict(read_posteriors(f"ark:{tmp_path}/q"))
    found = dict(read_posteriors(f"ark:{tmp_path}/p"))
    for key, expected in read_posteriors(f"ark:{kaldi}/post.txt"):
        assert np.array_equal(found[key].offsets, expected.offsets)
        assert np.array_equal(found[key].gaussians, expected.gaussians)
        assert np.allclose(found[key].values, expected.values, atol=2e-5)
        # Selected by the full model's diagonal: the same Gaussians where one of them stands out.
        likely = expected.values > 0.9
        ours = {(t, g): v for t, g, v in entries(own[key])}
        theirs = [(t, g) for (t, g, v), keep in zip(entries(expected), likely, strict=True) if keep]
        assert np.mean([ours.get(pair, 0) > 0.4 for pair in theirs]) > 0.99


def entries(ragged):
    frames = np.repeat(np.arange(ragged.num_frames), np.diff(ragged.offsets))
    return list(zip(frames.tolist(), ragged.gaussians.tolist(), ragged.values.tolist(), strict=True))


def test_extractor_and_ivectors(tmp_path, kaldi, feats):
    post = f"ark:{kaldi}/post.txt"
    run(acc_ivector_extractor, kaldi / "ie0.txt", feats, post, tmp_path / "acc")
    close(read_extractor_sums(f"{tmp_path}/acc"), read_extractor_sums(f"{kaldi}/ie0_acc.txt"), 5e-7)
    run(est_ivector_extractor, "--gaussian-min-count=20", kaldi / "ie0.txt", kaldi / "ie0_acc.txt", tmp_path / "ie1")
    ours, theirs = read_extractor(f"{tmp_path}/ie1"), read_extractor(f"{kaldi}/ie1.txt")
    # Eigenvectors, here of all dimensions but the first, are defined up to their sign.
    signs = np.sign((ours.projections * theirs.projections).sum(axis=(0, 1)))
    assert signs[0] == 1
    close(ours._replace(projections=ours.projections * signs), theirs, 2e-5)
    run(extract_ivectors, kaldi / "ie1.txt", feats, post, f"ark,t:{tmp_path}/ivectors")
    run(extract_ivectors, "--ubm", kaldi / "fubm1.txt", "--num-gselect=4", kaldi / "ie1.txt", feats,
        f"ark:{tmp_path}/in_one")  # fmt: skip
    expected = dict(read_table(f"ark:{kaldi}/ivectors.txt", "vector"))
    for name, tolerance in (("ivectors", 2e-6), ("in_one", 2e-3)):  # the latter selects other Gaussians
        found = dict(read_table(f"ark:{tmp_path}/{name}", "vector"))
        assert list(found) == list(expected)
        for key, vector in expected.items():
            assert np.allclose(found[key], vector, atol=tolerance), name


def test_a_whole_iteration_from_our_own_sums(tmp_path, kaldi, feats):
    """Sums of two jobs, and those that the frames' statistics are taken from: the same model as from one."""
    (tmp_path / "frames").mkdir()
    parts = {"a": "spkA", "b": "spkB", "all": "spk"}
    for name, prefix in parts.items():
        with open_table(f"ark:{tmp_path}/{name}.ark") as writer:
            for key, matrix in read_table(feats, "matrix"):
                if key.startswith(prefix):
                    writer.write(key, matrix)
        for _ in range(2):  # the second time the frames' statistics are read
            run(acc_ivector_extractor, "--frame-stats", tmp_path / f"frames/{name}", kaldi / "ie0.txt",
                f"ark:{tmp_path}/{name}.ark", f"ark:{kaldi}/post.txt", tmp_path / f"{name}.acc")  # fmt: skip
    run(sum_stats, tmp_path / "sum.acc", tmp_path / "a.acc", tmp_path / "b.acc")
    close(read_extractor_sums(f"{tmp_path}/sum.acc"), read_extractor_sums(f"{tmp_path}/all.acc"), 1e-12)
    close(read_extractor_sums(f"{tmp_path}/all.acc"), read_extractor_sums(f"{kaldi}/ie0_acc.txt"), 5e-7)
    update = (est_ivector_extractor, "--gaussian-min-count=20", kaldi / "ie0.txt")
    run(*update, tmp_path / "a.acc", tmp_path / "b.acc", tmp_path / "two")
    run(*update, tmp_path / "all.acc", tmp_path / "one")
    close(read_extractor(f"{tmp_path}/two"), read_extractor(f"{tmp_path}/one"), 1e-8)
    with pytest.raises(ValueError, match="statistics of other posteriors"):
        run(acc_ivector_extractor, "--frame-stats", tmp_path / "frames/a", kaldi / "ie0.txt",
            f"ark:{tmp_path}/all.ark", f"ark:{kaldi}/post.txt", tmp_path / "c.acc")  # fmt: skip


def test_a_new_extractor_has_the_ubms_means_and_kaldis_fixed_parts(tmp_path, kaldi):
    run(init_ivector_extractor, "--binary=false", "--ivector-dim=5", "--use-weights=false", "--seed=3",
        kaldi / "fubm1.txt", tmp_path / "ie0")  # fmt: skip
    ours, theirs = read_extractor(f"{tmp_path}/ie0"), read_extractor(f"{kaldi}/ie0.txt")
    first = ours._replace(projections=ours.projections[:, :, :1])
    close(first, theirs._replace(projections=theirs.projections[:, :, :1]), 2e-5)
    assert ours.projections.shape == theirs.projections.shape
    assert abs(ours.projections[:, :, 1:].std() - 1) < 0.1
    run(init_ivector_extractor, "--ivector-dim=5", "--seed=3", kaldi / "fubm1.txt", tmp_path / "again")
    assert np.allclose(read_extractor(f"{tmp_path}/again").projections, ours.projections, rtol=1e-6)
    with pytest.raises(ValueError, match="--use-weights"):
        run(init_ivector_extractor, "--use-weights=true", kaldi / "fubm1.txt", tmp_path / "no")


def test_a_diagonal_ubm_from_scratch_is_seeded_and_as_likely_as_kaldis(tmp_path, kaldi, feats):
    options = ("--num-gauss=4", "--num-gauss-init=2", "--num-iters=12", "--seed=5")
    for name in ("a", "b"):
        run(init_diag_ubm, *options, feats, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    run(init_diag_ubm, *options, "--num-frames=500", feats, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() != (tmp_path / "a").read_bytes()
    run(frame_likes, "--average=true", tmp_path / "a", feats, f"ark:{tmp_path}/likes")
    theirs = dict(read_table(f"ark:{kaldi}/dubm1_avg_loglikes.txt", "float"))
    ours = dict(read_table(f"ark:{tmp_path}/likes", "float"))
    assert np.mean(list(ours.values())) > np.mean(list(theirs.values())) - 1
    with pytest.raises(ValueError, match="767 frames are too few for 100 Gaussians"):
        run(init_diag_ubm, "--num-gauss=100", feats, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def table(path, **matrices):
    with open_table(f"ark:{path}") as writer:
        for key, matrix in matrices.items():
            writer.write(key, np.asarray(matrix, np.float32))
    return f"ark:{path}"


def test_features_that_cannot_be_used(tmp_path, kaldi, feats, capsys):
    good = dict(read_table(feats, "matrix"))["spkA-utt2"]
    other = table(tmp_path / "dim", u=good[:, :19])
    for module in (gselect_ubm, acc_ubm, frame_likes):
        with pytest.raises(ValueError, match="utterance u has features of dimension 19, but the model has 20"):
            run(module, kaldi / "dubm1.txt", other, f"ark:{tmp_path}/out")
    with pytest.raises(ValueError, match="dimension 19, but the model has 20"):
        run(extract_ivectors, "--ubm", kaldi / "fubm1.txt", kaldi / "ie1.txt", other, f"ark:{tmp_path}/out")
    bad = good.copy()
    bad[7, 3] = np.nan
    with pytest.raises(ValueError, match="utterance u has features with NaN"):
        run(gselect_ubm, kaldi / "dubm1.txt", table(tmp_path / "nan", u=bad), f"ark:{tmp_path}/out")
    with pytest.raises(ValueError, match="no utterance with features that can be used"):
        run(gselect_ubm, kaldi / "dubm1.txt", table(tmp_path / "none", u=np.zeros((0, 0))), f"ark:{tmp_path}/out")
    assert not (tmp_path / "out").exists()
    run(gselect_ubm, kaldi / "dubm1.txt", table(tmp_path / "some", u=np.zeros((0, 0)), v=good), f"ark:{tmp_path}/out")
    assert "utterance u has no frames: left out" in capsys.readouterr().err
    assert [key for key, _ in read_gselect(f"ark:{tmp_path}/out")] == ["v"]


def test_the_front_end_is_applied_and_utterances_without_voice_are_counted(tmp_path, kaldi, feats, capsys):
    good = dict(read_table(feats, "matrix"))["spkA-utt2"][:, :10]
    (tmp_path / "frontend.conf").write_text("--cmn=none\n--vad=true\n--deltas=1\n")
    source = table(tmp_path / "feats", u=good, v=good, w=good)
    with open_table(f"ark:{tmp_path}/vad") as writer:
        writer.write("u", np.ones(len(good), np.float32))
        writer.write("v", np.zeros(len(good), np.float32))
    options = ("--frontend", tmp_path / "frontend.conf", "--vad", f"ark:{tmp_path}/vad", "--subsample=2")
    options = (*options, "--write-features", f"ark:{tmp_path}/kept")
    run(gselect_ubm, *options, kaldi / "dubm1.txt", source, f"ark:{tmp_path}/out")
    kept = dict(read_table(f"ark:{tmp_path}/kept", "matrix"))
    assert list(kept) == ["u"] and kept["u"].shape == (-(-len(good) // 2), 20)
    assert np.allclose(kept["u"][:, :10], good[::2])
    messages = capsys.readouterr().err
    for message in ("v has no voiced frame: left out", "w is not in", "2 utterances left out"):
        assert message in messages
    with pytest.raises(ValueError, match="give their decisions by --vad"):
        run(gselect_ubm, *options[:2], kaldi / "dubm1.txt", source, f"ark:{tmp_path}/out")


def test_models_and_options_that_do_not_fit(tmp_path, kaldi, feats):
    out = f"ark:{tmp_path}/out"
    with pytest.raises(ValueError, match="either posteriors, or --ubm"):
        run(extract_ivectors, kaldi / "ie1.txt", feats, out)
    run(init_diag_ubm, "--num-gauss=2", feats, tmp_path / "two")
    run(diag_to_full_ubm, tmp_path / "two", tmp_path / "two_full")
    with pytest.raises(ValueError, match="has 2 Gaussians of dimension 20, .* 4 of dimension 20"):
        run(extract_ivectors, "--ubm", tmp_path / "two_full", kaldi / "ie1.txt", feats, out)
    for command, model, sums in ((est_diag_ubm, "dubm0", "fubm0_accs"), (est_full_ubm, "fubm0", "dubm0_accs")):
        with pytest.raises(ValueError, match=f"{sums}.txt: statistics for .* covariances, but the mixture has"):
            run(command, kaldi / f"{model}.txt", kaldi / f"{sums}.txt", tmp_path / "no")
    with pytest.raises(ValueError, match="4 Gaussians x 20 dimensions for a mixture of 2 x 20"):
        run(est_diag_ubm, tmp_path / "two", kaldi / "dubm0_accs.txt", tmp_path / "no")
    with pytest.raises(OSError):
        run(extract_ivectors, "--ubm", tmp_path / "absent", kaldi / "ie1.txt", feats, out)
    with pytest.raises(ValueError, match="no Gaussian has 100000 frames"):
        options = ("--gaussian-min-count=100000", kaldi / "ie0.txt")
        run(est_ivector_extractor, *options, kaldi / "ie0_acc.txt", tmp_path / "no")
    with pytest.raises(ValueError, match="Gaussian 3.* the model has 2|Gaussian 3 of a mixture of 2"):
        run(gselect_to_post, tmp_path / "two_full", feats, f"ark:{kaldi}/gselect.txt", out)
    assert not (tmp_path / "no").exists() and not (tmp_path / "out").exists()
