"""Commands that score and cluster conversations by PLDA, beside real Kaldi's files and on bad input."""

import numpy as np
import pytest

from speechlib.bin import cluster_scores, score_plda_dense, subtract_global_mean
from speechlib.io.maps import read_map
from speechlib.io.tables import open_table, read_table


def partition(path):
    clusters = {}
    for utterance, label in read_map(path).items():
        clusters.setdefault((utterance.split("-")[0], label), set()).add(utterance)
    return sorted(map(sorted, clusters.values()))


@pytest.fixture(scope="module")
def centred(golden, tmp_path_factory):
    target = tmp_path_factory.mktemp("vectors") / "centred"
    subtract_global_mean.main(
        [f"{golden}/plda/mean.vec", f"ark:{golden}/plda/diar_ivectors.txt", f"ark:{target}"]
    )
    return f"ark:{target}"


@pytest.mark.parametrize("energy", ["0.5", "0.9", "1.0"])
def test_scores_are_kaldis(golden, centred, tmp_path, energy):
    plda = golden / "plda"
    score_plda_dense.main([
        f"--target-energy={energy}", f"{plda}/plda_raw32", f"ark:{plda}/diar_reco2utt", centred, f"ark:{tmp_path}/s"
    ])  # fmt: skip
    ours = dict(read_table(f"ark:{tmp_path}/s", "matrix"))
    theirs = dict(read_table(f"ark:{plda}/diar_scores_te{energy}.txt", "matrix"))
    assert list(ours) == list(theirs)
    for conversation, scores in theirs.items():
        np.testing.assert_allclose(ours[conversation], scores, atol=2e-5)


def test_scores_of_some_conversations(golden, centred, tmp_path):
    plda = golden / "plda"
    score_plda_dense.main([
        "--target-energy=0.9", f"{plda}/plda_raw32", f"ark:grep reco2 {plda}/diar_reco2utt |", centred,
        f"ark:{tmp_path}/s",
    ])  # fmt: skip
    [(conversation, ours)] = read_table(f"ark:{tmp_path}/s", "matrix")
    [(expected, theirs)] = read_table(f"ark:{plda}/diar_scores_te0.9_reco2.ark", "matrix")
    assert conversation == expected
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


NUM_SPK = ["--reco2num-spk", "diar_reco2num_spk"]


@pytest.mark.parametrize(
    "energy, options, labels",
    [
        *((energy, [], "thr0") for energy in ("0.5", "0.9", "1.0")),
        *((energy, ["--threshold=2.0"], "thr2") for energy in ("0.5", "0.9", "1.0")),
        *((energy, NUM_SPK, "numspk") for energy in ("0.5", "0.9", "1.0")),
        ("0.9", ["--reco2num-spk-rspecifier=ark:diar_reco2num_spk", "--threshold=2"], "numspk"),
        ("0.9", ["--first-pass-max-utterances=15"], "thr0_fp15"),
        ("0.9", ["--max-spk-fraction=0.3", *NUM_SPK], "numspk_maxfrac0.3"),
    ],
)
def test_clusters_are_kaldis(golden, tmp_path, monkeypatch, energy, options, labels):
    plda = golden / "plda"
    expected = plda / f"diar_labels_te{energy}_{labels}.txt"
    monkeypatch.chdir(plda)
    for form, source in (("", "diar_reco2utt"), ("ark,t:", "ark:diar_reco2utt")):
        cluster_scores.main([*options, source, f"ark:diar_scores_te{energy}.txt", f"{form}{tmp_path}/labels"])
        assert partition(tmp_path / "labels") == partition(expected)


def test_trees_cut_into_the_same_clusters(golden, tmp_path):
    from speechlib.bin import cut_trees

    plda = golden / "plda"
    cluster_scores.main([
        "--threshold=2", f"--trees=ark:{tmp_path}/trees", f"{plda}/diar_reco2utt", f"ark:{plda}/diar_scores_te0.9.txt",
        f"{tmp_path}/labels",
    ])  # fmt: skip
    cut_trees.main(["--threshold=-2", f"{plda}/diar_reco2utt", f"ark:{tmp_path}/trees", f"{tmp_path}/cut"])
    assert (tmp_path / "labels").read_bytes() == (tmp_path / "cut").read_bytes()


# Two speakers, a b | c d.
SCORES = np.array([[0, 3, -2, -2], [3, 0, -2, -1], [-2, -2, 0, 1], [-2, -1, 1, 0]])


@pytest.fixture
def cluster(tmp_path):
    def run(*options, scores=SCORES, reco2utt="r b a d c\n", keys=("r",)):
        (tmp_path / "reco2utt").write_text(reco2utt)
        with open_table(f"ark:{tmp_path}/scores") as writer:
            for key in keys:
                writer.write(key, np.asarray(scores, np.float64))
        cluster_scores.main([*options, f"{tmp_path}/reco2utt", f"ark:{tmp_path}/scores", f"{tmp_path}/out"])
        return (tmp_path / "out").read_text()

    return run


def test_numbers_are_those_of_first_utterances(cluster):
    assert cluster() == "a 1\nb 1\nc 2\nd 2\n"
    assert cluster("--threshold", "2") == "a 1\nb 1\nc 3\nd 2\n"
    assert cluster("--threshold", "-9") == "a 1\nb 1\nc 1\nd 1\n"


def test_costs_are_negative_scores(cluster):
    assert cluster("--read-costs", scores=-SCORES) == cluster()
    assert cluster("--read-costs=true", "--threshold=-2", scores=-SCORES) == cluster("--threshold=2")


def test_complete_linkage_minds_the_lowest_score(cluster):
    assert cluster("--threshold=-1.75").count(" 1") == 4
    assert cluster("--threshold=-1.75", "--linkage=complete").count(" 1") == 2


def test_one_utterance_is_one_cluster_with_an_empty_tree(cluster, tmp_path):
    assert cluster(f"--trees=ark:{tmp_path}/trees", scores=[[5.0]], reco2utt="r a\n") == "a 1\n"
    [(conversation, tree)] = read_table(f"ark:{tmp_path}/trees", "matrix")
    assert (conversation, tree.size) == ("r", 0)


def test_conversations_without_scores_are_left_out_with_a_warning(cluster, capsys):
    assert cluster(reco2utt="r a b c d\nq e f\n").count("\n") == 4
    assert "no scores of 1 of the 2 conversations, such as 'q'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"scores": SCORES[:3]}, r"'r': a matrix of shape \(3, 4\), but 4 utterances in .*reco2utt"),
        ({"reco2utt": "r a b c\n"}, r"'r': a matrix of shape \(4, 4\), but 3 utterances"),
        ({"scores": SCORES + np.eye(4, k=1)}, "'r': the matrix is not symmetric: 4 in row 0, column 1, but 3"),
        ({"scores": np.where(SCORES == 1, np.nan, SCORES)}, "'r': 2 entries are not finite numbers, the first is nan"),
        ({"keys": ("s",)}, "no line of conversation 's'"),
        ({"keys": ()}, "no matrix of scores"),
        ({"reco2utt": "r a b c a\n"}, "utterance 'a' is in 'r' and in 'r'"),
    ],
)
def test_bad_scores(cluster, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        cluster(**arguments)
    assert not (tmp_path / "out").exists()


def test_bad_numbers_of_speakers(cluster, tmp_path):
    numbers = tmp_path / "reco2num_spk"
    for text, message in (
        ("r 5\n", "'r': 4 utterances cannot be 5 clusters: expected 1 to 4"),
        ("r 0\n", "expected at least 1"),
        ("q 2\n", "'r': .*reco2num_spk has no number of speakers of it"),
    ):
        numbers.write_text(text)
        with pytest.raises(ValueError, match=message):
            cluster("--reco2num-spk", str(numbers))
    with pytest.raises(ValueError, match="--trees goes without"):
        cluster("--trees=ark:t", "--first-pass-max-utterances=3")


def test_utterances_without_embeddings(golden, centred, tmp_path):
    (tmp_path / "reco2utt").write_text("r reco2-00000-00150 silence reco2-00150-00300\nq nothing\n")
    arguments = [f"{golden}/plda/plda_raw32", f"{tmp_path}/reco2utt", centred, f"ark:{tmp_path}/scores"]
    with pytest.raises(ValueError, match=r"1 of the 3 utterances of conversation 'r' have no embedding \(silence\)"):
        score_plda_dense.main(arguments)
    assert not (tmp_path / "scores").exists()
    score_plda_dense.main(["--skip-missing", f"--write-reco2utt={tmp_path}/kept", *arguments])
    assert (tmp_path / "kept").read_text() == "r reco2-00000-00150 reco2-00150-00300\n"
    assert [scores.shape for _, scores in read_table(f"ark:{tmp_path}/scores", "matrix")] == [(2, 2)]
    with pytest.raises(ValueError, match="--skip-missing goes with --write-reco2utt"):
        score_plda_dense.main(["--skip-missing", *arguments])


def test_embeddings_of_another_dimension(golden, tmp_path):
    with open_table(f"ark:{tmp_path}/vectors") as writer:
        writer.write("a", np.ones(3, np.float32))
    (tmp_path / "reco2utt").write_text("r a\n")
    with pytest.raises(ValueError, match="dimension 3, .* has dimension 32"):
        score_plda_dense.main(
            [f"{golden}/plda/plda_raw32", f"{tmp_path}/reco2utt", f"ark:{tmp_path}/vectors", f"ark:{tmp_path}/s"]
        )
