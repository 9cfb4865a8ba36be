"""The commands behind steps/train_eigenvoices.sh, and that which adds up statistics: what they refuse, and what for."""

import numpy as np
import pytest

from speechlib.bin import acc_speaker_stats, est_eigenvoices, sum_matrices
from speechlib.io.eigenvoice_models import read_eigenvoice_model
from speechlib.io.gmm_models import Mixture, read_diag_gmm, write_diag_gmm
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table, read_table

GAUSSIANS, DIM, SPEAKERS, TAKES = 3, 2, 5, 3


@pytest.fixture
def folder(tmp_path):
    """A mixture, and features of speakers."""
    generator = np.random.default_rng(0)
    means = generator.normal(0, 3, (GAUSSIANS, DIM))
    ones = np.ones((GAUSSIANS, DIM))
    write_diag_gmm(str(tmp_path / "final.dubm"), Mixture(np.full(3, 1 / 3), means, ones), np.zeros(3))
    speakers = {}
    with open_table(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/feats.scp") as writer:
        for speaker in range(SPEAKERS):
            for take in range(TAKES):
                name = f"s{speaker}-{take}"
                frames = means[generator.integers(0, GAUSSIANS, 60)] + 0.3 * speaker * np.array([1, (-1) ** speaker])
                writer.write(name, (frames + generator.standard_normal((60, DIM))).astype(np.float32))
                speakers[name] = f"s{speaker}"
    write_map(tmp_path / "utt2spk", speakers)
    return tmp_path


def accumulate(folder, *options, output="stats.ark"):
    acc_speaker_stats.main(
        [*options, str(folder / "final.dubm"), f"scp:{folder}/feats.scp", f"ark:{folder}/{output}"]
    )
    return dict(read_table(f"ark:{folder}/{output}", "matrix"))


def estimate(folder, *options, stats="stats.ark"):
    est_eigenvoices.main([*options, str(folder / "final.dubm"), f"ark:{folder}/{stats}", str(folder)])
    return read_eigenvoice_model(folder)


def test_sums_of_speakers_are_those_of_their_utterances(folder):
    utterances = accumulate(folder)
    speakers = accumulate(folder, "--utt2spk", str(folder / "utt2spk"), output="speakers.ark")
    assert len(utterances) == SPEAKERS * TAKES and list(speakers) == [f"s{number}" for number in range(SPEAKERS)]
    for speaker, matrix in speakers.items():
        assert matrix.shape == (GAUSSIANS, DIM + 1) and matrix.dtype == np.float64
        assert np.allclose(matrix, sum(utterances[f"{speaker}-{take}"] for take in range(TAKES)))
    assert sum(matrix[:, 0].sum() for matrix in speakers.values()) == pytest.approx(SPEAKERS * TAKES * 60)
    # The same sums by the general command, and the same model from either.
    sum_matrices.main(
        ["--utt2group", str(folder / "utt2spk"), f"ark:{folder}/stats.ark", f"ark:{folder}/sums.ark"]
    )
    for speaker, matrix in read_table(f"ark:{folder}/sums.ark", "matrix"):
        assert np.allclose(matrix, speakers[speaker])
    one = estimate(folder, "--rank", "2", stats="speakers.ark")
    two = estimate(folder, "--rank", "2", "--utt2spk", str(folder / "utt2spk"), "--channel-rank", "1")
    assert np.allclose(one.eigenvoices, two.eigenvoices) and np.allclose(one.means, two.means)
    assert one.eigenchannels is None and two.eigenchannels.shape == (GAUSSIANS, DIM, 1)


def test_a_job_that_is_done_is_not_done_again(folder, capsys):
    stamped = ("--stamp", str(folder / "done.json"))
    accumulate(folder, *stamped)
    before = (folder / "stats.ark").stat().st_mtime_ns
    accumulate(folder, *stamped)
    assert (folder / "stats.ark").stat().st_mtime_ns == before and "nothing to do" in capsys.readouterr().err
    accumulate(folder, *stamped, "--subsample", "2")
    assert (folder / "stats.ark").stat().st_mtime_ns != before


def test_centre_and_units_are_chosen(folder):
    accumulate(folder, "--utt2spk", str(folder / "utt2spk"))
    plain = estimate(folder, "--rank", "2")
    ubm = estimate(folder, "--rank", "2", "--centre", "ubm")
    mixture = read_diag_gmm(str(folder / "final.dubm"))
    assert np.allclose(ubm.means, mixture.means / mixture.inverses) and not np.allclose(plain.means, ubm.means)
    flat = plain.eigenvoices.reshape(-1, 2)
    assert abs((flat.T @ flat)[0, 1]) < 1e-9
    white = estimate(folder, "--rank", "2", "--whiten", "true").eigenvoices.reshape(-1, 2)
    assert abs((white.T @ white)[0, 1]) > 1e-6


def test_a_higher_relevance_of_channels_makes_smaller_ones_and_leaves_the_voices(folder):
    accumulate(folder)
    options = ("--utt2spk", str(folder / "utt2spk"), "--rank", "2", "--channel-rank", "1")
    models = [estimate(folder, *options, "--channel-relevance", relevance) for relevance in ("0", "4", "400")]
    sizes = [float((model.eigenchannels**2).sum()) for model in models]
    assert sizes[0] > 1.1 * sizes[1] > 2 * sizes[2]
    assert all(np.array_equal(model.eigenvoices, models[0].eigenvoices) for model in models)
    default = estimate(folder, *options)
    assert np.array_equal(default.eigenchannels, models[1].eigenchannels)
    with pytest.raises(ValueError, match="relevance -1"):
        estimate(folder, *options, "--channel-relevance", "-1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rank", "5"), "5 eigenvoices from 5 speakers: at most 4"),
        (("--channel-rank", "1"), "--channel-rank needs statistics of utterances, and --utt2spk"),
        (("--channel-rank", "-1"), "--channel-rank -1"),
        (("--method", "em", "--num-iters", "0", "--rank", "1"), "--num-iters 0"),
        (("--relevance", "-2", "--rank", "1"), "relevance -2"),
    ],
)
def test_what_cannot_be_estimated(folder, options, message):
    accumulate(folder, "--utt2spk", str(folder / "utt2spk"))
    with pytest.raises(ValueError, match=message):
        estimate(folder, *options)
    assert not (folder / "eigenvoices.mat").exists()


def test_statistics_that_do_not_belong_there(folder):
    with open_table(f"ark:{folder}/other.ark") as writer:
        writer.write("s0", np.ones((GAUSSIANS, DIM)))
    with pytest.raises(ValueError, match=r"other\.ark: s0: a matrix of \(3, 2\), expected \(3, 3\)"):
        estimate(folder, stats="other.ark")
    with open_table(f"ark:{folder}/nan.ark") as writer:
        writer.write("s0", np.full((GAUSSIANS, DIM + 1), np.nan))
    with pytest.raises(ValueError, match="s0: NaN"):
        estimate(folder, stats="nan.ark")
    write_map(folder / "few", {"s0-0": "s0"})
    with pytest.raises(ValueError, match="no line for utterance s0-1"):
        accumulate(folder, "--utt2spk", str(folder / "few"))
    accumulate(folder)
    with pytest.raises(ValueError, match="utterance s0-1 is in the statistics, but not in --utt2spk"):
        estimate(folder, "--utt2spk", str(folder / "few"))
    with pytest.raises(ValueError, match="no such folder"):
        est_eigenvoices.main([str(folder / "final.dubm"), f"ark:{folder}/stats.ark", str(folder / "nowhere")])


def test_sums_need_utterances_of_a_group_and_one_shape(folder):
    with open_table(f"ark:{folder}/odd.ark") as writer:
        writer.write("s0-0", np.ones((2, 2)))
        writer.write("s0-1", np.ones((2, 3)))
    arguments = ["--utt2group", str(folder / "utt2spk"), f"ark:{folder}/odd.ark", f"ark:{folder}/sums.ark"]
    with pytest.raises(ValueError, match=r"s0-1: a matrix of \(2, 3\), those of s0 before have \(2, 2\)"):
        sum_matrices.main(arguments)
    write_map(folder / "none", {"other": "s0"})
    with pytest.raises(ValueError, match="no utterance of .*none is in it"):
        sum_matrices.main(["--utt2group", str(folder / "none"), *arguments[2:]])
    assert not (folder / "sums.ark").exists()
