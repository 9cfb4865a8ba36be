"""extract_moment_stats, cluster_utterances, tune_threshold and cut_trees on small conversations, and their errors."""

import json

import numpy as np
import pytest

from speechlib.bin import cluster_utterances, cut_trees, extract_moment_stats, tune_threshold
from speechlib.clustering.distances import make_distance
from speechlib.clustering.exact_clustering import agglomerate
from speechlib.clustering.linkage import linkage_tree
from speechlib.clustering.moments import frame_moments
from speechlib.io.maps import read_map
from speechlib.io.tables import RandomAccessTable, open_table, read_table

SPEAKERS = {"c1": "aababb", "c2": "éfgegfé", "c3": "h"}  # who speaks in turn


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Features of three conversations, the last of one utterance alone, with its statistics."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(1)
    reco2utt, utt2spk, voices = [], [], {}
    with open_table("ark,scp:feats.ark,feats.scp") as feats, open_table("ark,scp:vad.ark,vad.scp") as vad:
        for conversation, turns in SPEAKERS.items():
            names = [f"{conversation}-{turn}" for turn in range(len(turns))]
            reco2utt.append(f"{conversation} {' '.join(names)}\n")
            for name, speaker in zip(names, turns, strict=True):
                voice = voices.setdefault(speaker, 2 * generator.standard_normal(3))
                feats.write(name, (voice + generator.standard_normal((40, 3))).astype(np.float32))
                vad.write(name, (np.arange(40) < 30).astype(np.float32))
                utt2spk.append(f"{name} {speaker}\n")
    (tmp_path / "reco2utt").write_text("".join(reco2utt))
    (tmp_path / "utt2spk").write_text("".join(utt2spk))
    (tmp_path / "vad.conf").write_text("--vad=true\n--cmn=none\n")
    extract_moment_stats.main(["scp:feats.scp", "ark,scp:stats.ark,stats.scp"])
    return tmp_path


def cluster(*options, reco2utt="reco2utt"):
    cluster_utterances.main([*options, reco2utt, "scp:stats.scp", "ark,scp:trees.ark,trees.scp"])
    return dict(read_table("scp:trees.scp", "matrix"))


def test_moments_of_voiced_frames(folder):
    extract_moment_stats.main(["--frontend", "vad.conf", "--vad", "scp:vad.scp", "scp:feats.scp", "ark:voiced.ark"])
    feats, voiced = RandomAccessTable("scp:feats.scp"), RandomAccessTable("ark:voiced.ark")
    assert list(voiced) == list(feats) and voiced["c1-0"].dtype == np.float64
    for name, frames in feats.items():
        np.testing.assert_allclose(voiced[name], frame_moments(frames[:30]), rtol=1e-6)


def test_silent_utterances_have_no_moments(folder, capsys):
    with open_table("ark:some.ark") as vad:
        for name in read_map("utt2spk"):
            vad.write(name, np.full(40, name != "c1-1", np.float32))
    extract_moment_stats.main(["--frontend", "vad.conf", "--vad", "ark:some.ark", "scp:feats.scp", "ark:voiced.ark"])
    assert "c1-1" not in RandomAccessTable("ark:voiced.ark")
    assert "1 utterances left out" in capsys.readouterr().err


def test_moments_of_different_features_are_an_error(folder):
    with open_table("ark:mixed.ark") as feats:
        feats.write("a", np.ones((5, 3), np.float32))
        feats.write("b", np.ones((5, 4), np.float32))
    with pytest.raises(ValueError, match="utterance b has features of dimension 4, a of 3"):
        extract_moment_stats.main(["ark:mixed.ark", "ark:out.ark"])
    assert not (folder / "out.ark").exists()


def test_trees_are_those_of_the_statistics(folder):
    table = RandomAccessTable("scp:stats.scp")
    for name in ("glr", "clr", "bic-diag"):
        distance = make_distance(name, bic_penalty=2.0, floor=0.1)
        for linkage in ("exact", "average", "complete"):
            trees = cluster("--distance", name, "--linkage", linkage, "--bic-penalty", "2", "--variance-floor", "0.1")
            for conversation, turns in SPEAKERS.items():
                statistics = np.array([table[f"{conversation}-{turn}"] for turn in range(len(turns))])
                if len(turns) == 1:
                    assert trees[conversation].size == 0
                    continue
                expected = agglomerate(statistics, distance) if linkage == "exact" else linkage_tree(
                    distance(statistics), linkage)  # fmt: skip
                np.testing.assert_allclose(trees[conversation], expected)


def test_utterance_comparison_is_the_default(folder):
    generator = np.random.default_rng(0)
    statistics = {}
    with open_table("ark,scp:stats.ark,stats.scp") as writer:
        for turn in range(6):
            loadings = generator.standard_normal((4, 5))
            statistics[turn] = np.c_[loadings.T @ loadings, generator.standard_normal((5, 1))]
            writer.write(f"c1-{turn}", statistics[turn])
    (folder / "one").write_text(f"c1 {' '.join(f'c1-{turn}' for turn in range(6))}\n")
    trees = cluster(reco2utt="one")
    np.testing.assert_allclose(trees["c1"], agglomerate(np.array(list(statistics.values())), make_distance("ucm")))
    with pytest.raises(ValueError, match=r"scp:stats.scp: conversation 'c1' .*\(6, 5, 6\): expected \(utterances, dim"):
        cluster("--distance", "glr", reco2utt="one")


def test_from_development_to_clusters(folder):
    cluster("--distance", "bic")
    tune_threshold.main(["reco2utt", "scp:trees.scp", "utt2spk", "selection.json"])
    selection = json.loads((folder / "selection.json").read_text())
    assert selection["cut"] == "dev" and selection["criterion"] == "mr_hungarian"
    assert selection["value"] == 0 and selection["mean_num_clusters"] == 7 / 3 and selection["num_conversations"] == 3
    cut_trees.main(["--selection", "selection.json", "reco2utt", "scp:trees.scp", "utt2cluster"])
    clusters = read_map("utt2cluster")
    found = {name: "".join(clusters[f"{name}-{turn}"] for turn in range(len(SPEAKERS[name]))) for name in SPEAKERS}
    assert found == {"c1": "112122", "c2": "1234321", "c3": "1"}
    cut_trees.main(["--threshold", str(selection["threshold"]), "reco2utt", "scp:trees.scp", "other"])
    assert (folder / "other").read_text() == (folder / "utt2cluster").read_text()
    tune_threshold.main(["--criterion", "i_spk", "reco2utt", "scp:trees.scp", "utt2spk", "selection.json"])
    assert json.loads((folder / "selection.json").read_text())["value"] == 1


def test_known_numbers_of_speakers(folder):
    cluster("--distance", "glr")
    (folder / "reco2num_spk").write_text("c1 3\nc2 1\nc3 1\n")
    cut_trees.main(["--reco2num-spk", "reco2num_spk", "reco2utt", "scp:trees.scp", "utt2cluster"])
    clusters = read_map("utt2cluster")
    assert {clusters[f"c1-{turn}"] for turn in range(6)} == {"1", "2", "3"} and clusters["c1-0"] == "1"
    assert {clusters[f"c2-{turn}"] for turn in range(7)} == {"1"}
    for lines, message in (("c1 7\nc2 1\nc3 1\n", "conversation 'c1': 6 utterances cannot be 7 clusters"),
                           ("c1 2\nc2 2\nc3 2\n", "conversation 'c3': 1 utterance cannot be 2 clusters"),
                           ("c1 2\nc3 1\n", "no number of speakers of conversation 'c2'"),
                           ("c1 0\nc2 1\nc3 1\n", "count of 'c1' is 0")):  # fmt: skip
        (folder / "reco2num_spk").write_text(lines)
        with pytest.raises(ValueError, match=message):
            cut_trees.main(["--reco2num-spk", "reco2num_spk", "reco2utt", "scp:trees.scp", "bad"])
        assert not (folder / "bad").exists()


def test_utterances_without_statistics(folder, capsys):
    with (folder / "reco2utt").open("a") as file:
        file.write("c4 c4-0 c4-1\n")
    (folder / "stats.scp").write_text("".join(
        line for line in (folder / "stats.scp").read_text().splitlines(True) if not line.startswith("c1-0 ")
    ))  # fmt: skip
    with pytest.raises(ValueError, match=r"1 of the 6 utterances of conversation 'c1' have no statistics \(c1-0\)"):
        cluster("--distance", "glr")
    trees = cluster("--distance", "glr", "--skip-missing", "true", "--write-reco2utt", "kept")
    assert set(trees) == {"c1", "c2", "c3"} and trees["c1"].shape == (4, 4)
    assert read_map("kept")["c1"] == "c1-1 c1-2 c1-3 c1-4 c1-5" and "c4" not in read_map("kept")
    assert "2 of the 2 utterances of conversation 'c4' have no statistics: left out" in capsys.readouterr().err
    cut_trees.main(["--threshold", "0", "kept", "scp:trees.scp", "utt2cluster"])
    with pytest.raises(ValueError, match="'c1' has 6 utterances in reco2utt, but its tree of shape"):
        cut_trees.main(["--threshold", "0", "reco2utt", "scp:trees.scp", "utt2cluster"])
    with pytest.raises(ValueError, match="--write-reco2utt"):
        cluster("--skip-missing", "true")
    (folder / "none").write_text("c4 c4-0\n")
    with pytest.raises(ValueError, match="no statistics of any utterance of none"):
        cluster("--skip-missing", "true", "--write-reco2utt", "kept", reco2utt="none")


def test_a_job_that_is_complete_is_not_run_again(folder, capsys):
    options = ["--distance", "glr", "--stamp", "done.json"]
    cluster(*options)
    before = (folder / "trees.ark").stat().st_mtime_ns
    cluster(*options)
    assert "nothing to do" in capsys.readouterr().err and (folder / "trees.ark").stat().st_mtime_ns == before
    cluster("--linkage", "average", *options)
    assert (folder / "trees.ark").stat().st_mtime_ns > before
    for _ in range(2):
        extract_moment_stats.main(["--stamp", "m.json", "scp:feats.scp", "ark,scp:m.ark,m.scp"])
    assert "nothing to do" in capsys.readouterr().err


@pytest.mark.parametrize("lines, message", [
    ("c1 c1-0 c1-1\nc2 c1-1\n", "'c1-1' is in 'c1' and in 'c2'"),
    ("c1 c1-0 c1-0\n", "'c1-0' is in 'c1' and in 'c1'"),
    ("", "no conversation"),
    ("c1\n", "reco2utt:1: 'c1' has no value"),
])  # fmt: skip
def test_bad_lists_of_utterances(folder, lines, message):
    (folder / "reco2utt").write_text(lines)
    with pytest.raises(ValueError, match=message):
        cluster("--distance", "glr")


def test_bad_trees_and_selections(folder):
    cluster("--distance", "glr")
    (folder / "more").write_text("c1 c1-0 c1-1 c1-2 c1-3 c1-4 c1-5\nc5 c5-0\n")
    with pytest.raises(ValueError, match=r"no tree of conversation 'c5', which is in more \(did you mean"):
        cut_trees.main(["--threshold", "0", "more", "scp:trees.scp", "utt2cluster"])
    for row in ([0, 1, np.nan, 2], [0, 0, 1.0, 2], [0, 7, 1.0, 2], [0.5, 1, 1.0, 2]):
        with open_table("ark:bad.ark") as writer:
            writer.write("c", np.array([row, [2, 3, 1.0, 3]]))
        (folder / "c").write_text("c a b d\n")
        with pytest.raises(ValueError, match="its tree of shape .* is none of 2 merges"):
            cut_trees.main(["--threshold", "0", "c", "ark:bad.ark", "utt2cluster"])
    (folder / "s.json").write_text('{"cut": "dev", "threshold": "low"}')
    with pytest.raises(ValueError, match="s.json: expected a number"):
        cut_trees.main(["--selection", "s.json", "reco2utt", "scp:trees.scp", "utt2cluster"])
    with pytest.raises(ValueError, match="expected one of --threshold"):
        cut_trees.main(["reco2utt", "scp:trees.scp", "utt2cluster"])
    (folder / "utt2spk").write_text("c1-0 a\n")
    with pytest.raises(ValueError, match=r"utt2spk: no speaker of utterance 'c1-1' of conversation 'c1' \(5 missing\)"):
        tune_threshold.main(["reco2utt", "scp:trees.scp", "utt2spk", "s.json"])
    (folder / "alone").write_text("c3 c3-0\n")
    (folder / "utt2spk").write_text("c3-0 h\n")
    with pytest.raises(ValueError, match="one utterance alone"):
        tune_threshold.main(["alone", "scp:trees.scp", "utt2spk", "s.json"])


def test_bad_options(folder):
    for options, message in ((["--bic-penalty", "-1"], "--bic-penalty -1.0"), (["--variance-floor", "nan"], "nan")):
        with pytest.raises(ValueError, match=message):
            cluster(*options)
    with pytest.raises(ValueError, match="c1-0.*in place 0.*floor"):
        (folder / "short").write_text("c1 c1-0 c1-1\n")
        with open_table("ark,scp:stats.ark,stats.scp") as writer:
            for name in ("c1-0", "c1-1"):
                writer.write(name, frame_moments(np.eye(3)[:2]))
        cluster("--distance", "glr", "--variance-floor", "0", reco2utt="short")
    assert cluster("--distance", "glr", reco2utt="short")["c1"].shape == (1, 4)
