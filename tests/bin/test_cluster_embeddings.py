"""The commands cluster_embeddings and mean_snippets on tables with known answers."""

import json

import numpy as np
import pytest

from speechlib.bin import cluster_embeddings, eval_clusters, mean_snippets
from speechlib.io.clusters import read_curve, read_labels, read_tree
from speechlib.io.results import read_result
from speechlib.io.tables import open_table, read_table


def write_embeddings(folder, name, first, num_speakers, spread, per_speaker=2, dim=12, seed=0):
    generator = np.random.default_rng(seed)
    centres = np.repeat(generator.normal(size=(num_speakers, dim)), per_speaker, axis=0)
    vectors = centres + generator.normal(scale=spread, size=centres.shape)
    speakers = [f"S{first + index // per_speaker:03d}" for index in range(len(vectors))]
    items = [f"{speaker}-{index % per_speaker}" for index, speaker in enumerate(speakers)]
    with open_table(f"ark:{folder}/{name}.ark") as writer:
        for index in generator.permutation(len(items)):  # tables need not be sorted
            writer.write(items[index], vectors[index].astype(np.float32))
    (folder / f"{name}.utt2spk").write_text("".join(sorted(f"{i} {s}\n" for i, s in zip(items, speakers, strict=True))))
    return f"ark:{folder}/{name}.ark", str(folder / f"{name}.utt2spk")


@pytest.fixture
def test_set(tmp_path):
    return write_embeddings(tmp_path, "test", 0, 20, 0.8)


@pytest.fixture
def dev_set(tmp_path):
    return write_embeddings(tmp_path, "dev", 100, 15, 0.8, seed=1)


def evaluate(reference, hypothesis, capsys):
    eval_clusters.main(["--reference", str(reference), "--hypothesis", str(hypothesis)])
    return json.loads(capsys.readouterr().out)


def test_scores_agree_with_eval_clusters_at_both_cuts(tmp_path, test_set, dev_set, capsys):
    out = tmp_path / "deep" / "out"
    arguments = ["--reference", test_set[1], "--dev-embeddings", dev_set[0], "--dev-reference", dev_set[1]]
    arguments += ["--seed", "3", "--tag", "layer=L5", "--tag", "size=100"]
    cluster_embeddings.main([*arguments, test_set[0], str(out)])
    result = read_result(out / "result.json")
    for suffix, cut in (("", "dev"), ("_oracle", "oracle")):
        for kind, name in (("strict", f"utt2cluster{suffix}"), ("hungarian", f"utt2cluster{suffix}_hungarian")):
            scores = evaluate(test_set[1], out / name, capsys)
            metric = result["metrics"][f"mr_{kind}{suffix}"]
            assert metric["value"] == pytest.approx(scores[f"mr_{kind}"])
            assert metric["interval"][0] <= metric["value"] <= metric["interval"][1]
            assert metric["selection"]["cut"] == cut
            assert metric["selection"]["num_clusters"] == scores["num_clusters"]
    metrics = {name: metric["value"] for name, metric in result["metrics"].items()}
    assert 0 < metrics["mr_strict_oracle"] <= metrics["mr_strict"] < 1
    assert metrics["mr_hungarian_oracle"] <= metrics["mr_hungarian"] <= metrics["mr_strict"]
    assert result["selection"]["cut"] == "dev" and result["seed"] == 3
    assert result["extra"] == {"method": "complete", "linkage_legacy": False, "layer": "L5", "size": 100}
    assert (result["counts"]["speakers"], result["counts"]["utterances"]) == (20, 40)
    assert result["counts"]["clusters"] == len(set(read_labels(out / "utt2cluster").values()))

    curve = read_curve(out / "curve.tsv")
    assert curve["num_clusters"].tolist() == list(range(40, 0, -1))
    assert curve["mr_strict"].min() == pytest.approx(metrics["mr_strict_oracle"])
    items, tree = read_tree(out)
    assert items == sorted(read_labels(test_set[1])) and tree.shape == (39, 4)
    np.testing.assert_allclose(curve["distance"][1:], tree[:, 2], rtol=1e-9)
    threshold = result["metrics"]["mr_strict"]["selection"]["threshold"]
    assert result["counts"]["clusters"] == 40 - (tree[:, 2] <= threshold).sum()


def test_order_of_the_table_does_not_matter(tmp_path, test_set):
    pairs = dict(read_table(test_set[0]))
    with open_table(f"ark,t:{tmp_path}/sorted.txt") as writer:
        for key in sorted(pairs):
            writer.write(key, pairs[key])
    outputs = []
    for name, table in (("one", test_set[0]), ("two", f"ark:{tmp_path}/sorted.txt")):
        cluster_embeddings.main(["--num-clusters", "20", table, str(tmp_path / name)])
        outputs.append((tmp_path / name / "utt2cluster").read_text())
    assert outputs[0] == outputs[1]
    assert not (tmp_path / "one" / "result.json").exists()


@pytest.mark.parametrize(
    ("options", "rule", "clusters"),
    [
        (["--num-clusters", "7"], "number of clusters", 7),
        (["--threshold", "2"], "threshold", 1),
        (["--threshold=-1"], "threshold", 40),
        ([], "highest silhouette", None),
    ],
)
@pytest.mark.parametrize("method", ["complete", "average", "single"])
def test_cuts_without_dev_set_are_fixed(tmp_path, test_set, options, rule, clusters, method):
    out = tmp_path / "out"
    cluster_embeddings.main([*options, "--method", method, "--reference", test_set[1], test_set[0], str(out)])
    result = read_result(out / "result.json")
    assert result["selection"]["cut"] == "fixed" and result["selection"]["rule"] == rule
    assert clusters in (None, result["counts"]["clusters"])


def test_legacy_linkage_is_flagged(tmp_path, test_set):
    for legacy in ("true", "false"):
        arguments = ["--linkage-legacy", legacy, "--reference", test_set[1], test_set[0], str(tmp_path / legacy)]
        cluster_embeddings.main(arguments)
    assert read_result(tmp_path / "true" / "result.json")["extra"]["linkage_legacy"] is True
    assert (tmp_path / "true" / "linkage.txt").read_text() != (tmp_path / "false" / "linkage.txt").read_text()


def test_one_embedding_is_one_cluster(tmp_path):
    table, reference = write_embeddings(tmp_path, "one", 0, 1, 0.1, per_speaker=1)
    cluster_embeddings.main(["--reference", reference, table, str(tmp_path / "out")])
    assert read_result(tmp_path / "out" / "result.json")["metrics"]["mr_strict"]["value"] == 0
    assert read_tree(tmp_path / "out")[0] == ["S000-0"]


def test_bad_embeddings_are_refused_by_name(tmp_path, test_set):
    def refuse(vectors, message, *options):
        with open_table(f"ark:{tmp_path}/bad.ark") as writer:
            for key, vector in vectors:
                writer.write(key, np.array(vector, dtype=np.float32))
        with pytest.raises(ValueError, match=message):
            cluster_embeddings.main([*options, f"ark:{tmp_path}/bad.ark", str(tmp_path / "bad")])
        assert not (tmp_path / "bad").exists()

    refuse([("a", [1, 2]), ("b", [0, 0])], "bad.ark: 1 embeddings are all zeros .*: b$")
    refuse([("a", [1, 2]), ("b", [np.nan, 0])], "bad.ark: 1 embeddings are not finite.*: b$")
    refuse([("a", [1, 2]), ("b", [1, 2, 3])], "b has 3 dimensions, those before it 2")
    refuse([("a", [[1, 2]])], r"a has shape \(1, 2\), expected a vector")
    dev = ("--dev-embeddings", test_set[0], "--dev-reference", test_set[1])
    refuse([("a", [1, 2])], "test.ark: 12 dimensions, but .*bad.ark has 2; both must come from the same layer", *dev)


def test_cut_is_not_tuned_on_the_speakers_that_it_is_scored_on(tmp_path, test_set):
    dev = write_embeddings(tmp_path, "dev", 19, 3, 0.8)
    arguments = ["--reference", test_set[1], "--dev-embeddings", dev[0], "--dev-reference", dev[1]]
    with pytest.raises(ValueError, match="dev.utt2spk: 1 speakers are in .*test.utt2spk too .S019"):
        cluster_embeddings.main([*arguments, test_set[0], str(tmp_path / "out")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--num-clusters", "3", "--threshold", "1"], "give one of --num-clusters"),
        (["--dev-embeddings", "ark:x"], "belong together"),
        (["--bootstrap-samples", "0"], "at least 1"),
        (["--method", "ward"], "invalid choice: 'ward'"),
        (["--tag", "layer"], "--tag"),
    ],
)
def test_bad_options_are_refused(tmp_path, test_set, options, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cluster_embeddings.main([*options, test_set[0], str(tmp_path / "out")])
    assert ended.value.code == 1
    assert message in capsys.readouterr().err


def test_reference_must_name_the_same_items(tmp_path, test_set):
    reference = tmp_path / "short"
    reference.write_text("S000-0 S000\n")
    with pytest.raises(ValueError, match="short: 39 of the 40 items of ark:.* are missing: S000-1,"):
        cluster_embeddings.main(["--reference", str(reference), test_set[0], str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.fixture
def snippets(tmp_path):
    generator = np.random.default_rng(0)
    tables = {name: generator.normal(size=(size, 4)) for name, size in (("a", 3), ("b", 1), ("c", 5), ("d", 2))}
    with open_table(f"ark:{tmp_path}/snippets.ark") as writer:
        for name, table in tables.items():
            writer.write(name, table.astype(np.float32))
    return f"ark:{tmp_path}/snippets.ark", tables


def means(tmp_path, groups, snippets):
    (tmp_path / "utt2group").write_text(groups)
    mean_snippets.main(["--utt2group", str(tmp_path / "utt2group"), snippets, f"ark:{tmp_path}/means.ark"])
    return dict(read_table(f"ark:{tmp_path}/means.ark"))


def test_mean_is_over_all_snippets_not_over_utterances(tmp_path, snippets):
    found = means(tmp_path, "a y\nb x\nc y\n", snippets[0])
    assert list(found) == ["x", "y"]
    np.testing.assert_allclose(found["x"], snippets[1]["b"][0], rtol=1e-6)
    np.testing.assert_allclose(found["y"], np.concatenate([snippets[1]["a"], snippets[1]["c"]]).mean(axis=0), rtol=1e-5)


def test_missing_utterance_is_a_warning_and_empty_group_an_error(tmp_path, snippets, capsys):
    means(tmp_path, "a x\nnone x\n", snippets[0])
    assert "warning: 1 of 2 utterances are not in" in capsys.readouterr().err
    with pytest.raises(ValueError, match="1 groups of .*utt2group have no snippet: y;"):
        means(tmp_path, "a x\nnone y\n", snippets[0])


def test_snippets_of_different_layers_are_not_averaged(tmp_path):
    with open_table(f"ark:{tmp_path}/mixed.ark") as writer:
        writer.write("a", np.ones((2, 3), dtype=np.float32))
        writer.write("b", np.ones((2, 4), dtype=np.float32))
    with pytest.raises(ValueError, match="b has 4 dimensions, others of group x 3"):
        means(tmp_path, "a x\nb x\n", f"ark:{tmp_path}/mixed.ark")


def write_tree(folder, name, merges, items):
    with open_table(f"ark:{folder}/{name}.trees") as writer:
        writer.write(name, np.array(merges, float))
    (folder / f"{name}.reco2utt").write_text(f"{name} {' '.join(items)}\n")
    (folder / f"{name}.utt2spk").write_text("".join(f"{item} {item[:2]}\n" for item in items))
    return f"ark:{folder}/{name}.trees", str(folder / f"{name}.reco2utt"), str(folder / f"{name}.utt2spk")


def test_a_tree_that_is_there_is_cut_and_scored(tmp_path, capsys):
    # The last distance but one falls below those before: a threshold never undoes what stands before it.
    merges = [[0, 1, 0.3, 2], [2, 3, 0.6, 2], [4, 5, 0.5, 2], [6, 7, 2, 4], [8, 9, 3, 6]]
    tree, reco2utt, utt2spk = write_tree(tmp_path, "test", merges, ["S0-1", "S0-2", "S1-1", "S1-2", "S2-1", "S2-2"])
    merges = [[0, 1, 0.4, 2], [2, 3, 0.7, 2], [4, 5, 0.9, 4]]
    dev = write_tree(tmp_path, "dev", merges, ["T0-1", "T0-2", "T1-1", "T1-2"])
    known = ["--reco2utt", reco2utt, "--reference", utt2spk]
    tuned = ["--dev-embeddings", dev[0], "--dev-reco2utt", dev[1], "--dev-reference", dev[2]]
    cluster_embeddings.main([*known, *tuned, tree, str(tmp_path / "out")])
    result = read_result(tmp_path / "out" / "result.json")
    assert result["selection"]["threshold"] == pytest.approx(0.8) and result["counts"]["clusters"] == 3
    assert result["metrics"]["mr_strict"]["value"] == 0 and "method" not in result["extra"]
    cluster_embeddings.main([*known, "--threshold", "0.55", tree, str(tmp_path / "low")])
    assert read_result(tmp_path / "low" / "result.json")["counts"]["clusters"] == 5
    for options, message in (
        (known, "a tree alone has no silhouette"),
        ([*known, *tuned[:2], *tuned[4:]], "--dev-reco2utt goes with --reco2utt"),
    ):
        with pytest.raises(SystemExit):
            cluster_embeddings.main([*options, tree, str(tmp_path / "none")])
        assert message in capsys.readouterr().err
    (tmp_path / "two").write_text("test S0-1\nother S0-2\n")
    with pytest.raises(ValueError, match="two: 2 conversations, expected one"):
        cluster_embeddings.main(["--reco2utt", str(tmp_path / "two"), "--threshold", "1", tree, str(tmp_path / "none")])
