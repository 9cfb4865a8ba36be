"""The commands that draw figures and write the page of results, from files that the other commands write."""

import numpy as np
import pytest

from speechlib.bin import (
    cluster_embeddings,
    collect_results,
    make_results,
    plot_cuts,
    plot_dendrogram,
    plot_embeddings,
    plot_results,
    plot_spectrogram,
    plot_training,
)
from speechlib.io.results import read_result, read_results
from speechlib.io.tables import open_table

TEMPLATE = """
title: Clustering
corpora:
  - {folder: demo, title: Demo corpus}
sections:
  - title: Table 1
    table:
      results: exp/*/*/result.json
      rows: [extra.layer]
      columns:
        - {title: Layer, field: extra.layer}
        - {title: MR strict, metric: mr_strict_oracle}
    figures:
      - {file: tree.png, text: The tree.}
"""


@pytest.fixture
def clusterings(tmp_path, monkeypatch):
    """exp/<layer>/<seed> with clusterings of six speakers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "utt2spk").write_text("".join(f"s{i // 2}-{i % 2} s{i // 2}\n" for i in range(12)))
    for layer in ("L5", "L10"):
        for seed in (1, 2):
            generator = np.random.default_rng([seed, len(layer)])
            vectors = np.repeat(generator.normal(size=(6, 5)), 2, axis=0) + generator.normal(scale=0.7, size=(12, 5))
            with open_table(f"ark:{layer}.{seed}.ark") as writer:
                for index, vector in enumerate(vectors):
                    writer.write(f"s{index // 2}-{index % 2}", vector.astype(np.float32))
            options = ["--reference", "utt2spk", "--tag", f"layer={layer}", "--seed", str(seed)]
            cluster_embeddings.main([*options, f"ark:{layer}.{seed}.ark", f"exp/exp/{layer}/{seed}"])
    return tmp_path


def is_picture(path):
    return path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 5000


def test_clustering_is_drawn(clusterings):
    plot_dendrogram.main(["--reference", "utt2spk", "--title", "Tree", "exp/exp/L5/1", "tree.png"])
    assert is_picture(clusterings / "tree.png")
    plot_cuts.main(["--title", "Cuts", "cuts.png", "L5=exp/exp/L5/1", "L10=exp/exp/L10/1"])
    assert is_picture(clusterings / "cuts.png")
    with pytest.raises(ValueError, match="expected NAME=DIR"):
        plot_cuts.main(["cuts.png", "exp/exp/L5/1"])
    with pytest.raises(ValueError, match="unknown picture format 'txt'"):
        plot_cuts.main(["cuts.txt", "L5=exp/exp/L5/1"])
    assert not (clusterings / "cuts.txt").exists()


def test_results_are_collected_and_become_a_page(clusterings, capsys):
    collect_results.main(["exp", "results/demo"])
    copied = read_results(clusterings / "results")
    assert copied["demo/exp/L5/1/result.json"] == read_result(clusterings / "exp/exp/L5/1/result.json")
    (clusterings / "template.yaml").write_text(TEMPLATE)
    make_results.main(["template.yaml", "results", "RESULTS.md"])
    page = (clusterings / "RESULTS.md").read_text()
    assert "warning: section 'Table 1' has no picture results/demo/tree.png" in capsys.readouterr().err
    values = [read_result(clusterings / f"exp/exp/L5/{seed}/result.json") for seed in (1, 2)]
    mean = np.mean([value["metrics"]["mr_strict_oracle"]["value"] for value in values])
    assert f"| L5 | {mean:.3f} ± " in page and page.index("| L5 |") < page.index("| L10 |")
    assert str(clusterings) not in page

    (clusterings / "exp/exp/L10/2/result.json").unlink()
    (clusterings / "results/demo/tree.png").write_bytes(b"picture")
    collect_results.main(["exp", "results/demo"])
    assert set(copied) - set(read_results(clusterings / "results")) == {"demo/exp/L10/2/result.json"}
    make_results.main(["template.yaml", "results", "RESULTS.md"])
    assert "![The tree.](results/demo/tree.png)" in (clusterings / "RESULTS.md").read_text()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a: [", r"template.yaml:\d+: not YAML"),
        ("", "the template: expected keys and values, got None"),
        ("title: x\ncorpora: 3\nsections: []\n", "template.yaml: a list or a text stands where"),
    ],
)
def test_bad_templates_are_refused(clusterings, template, message):
    (clusterings / "template.yaml").write_text(template)
    with pytest.raises(ValueError, match=message):
        make_results.main(["template.yaml", "exp", "RESULTS.md"])
    assert not (clusterings / "RESULTS.md").exists()


def test_results_are_not_collected_into_themselves_or_from_nothing(clusterings):
    with pytest.raises(ValueError, match="must not lie below"):
        collect_results.main(["exp", "exp/results"])
    (clusterings / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: there is no result.json"):
        collect_results.main(["empty", "results"])


def test_results_are_drawn(clusterings):
    common = ["--pattern", "exp/*/*/result.json", "--metric", "mr_strict_oracle", "--group", "extra.layer"]
    plot_results.main([*common, "--known", "L5=0.1", "exp", "bars.png"])
    plot_results.main([*common, "--series", "path.2", "--series-label", "seed {}", "exp", "series.png"])
    plot_results.main([*common, "--kind", "rows", "--low", "0", "exp", "rows.png"])
    assert all(is_picture(clusterings / f"{name}.png") for name in ("bars", "series", "rows"))
    with pytest.raises(ValueError, match="--known L6=0.1: expected .* a group of L10, L5"):
        plot_results.main([*common, "--known", "L6=0.1", "exp", "bars.png"])
    with pytest.raises(ValueError, match="no result.json matches nothing"):
        plot_results.main([*common, "--pattern", "nothing", "exp", "bars.png"])
    with pytest.raises(ValueError, match="there is no metric der"):
        plot_results.main([*common, "--metric", "der", "exp", "bars.png"])


def test_training_is_drawn(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("update\tloss\taccuracy\n100\t2.0\t0.5\n200\t1.0\t0.75\n")
    plot_training.main(["--log-measures", "loss", str(tmp_path / "t.png"), f"1={tmp_path}", f"2={log}"])
    assert is_picture(tmp_path / "t.png")
    with pytest.raises(ValueError, match="no column mr; there are update, loss, accuracy"):
        plot_training.main(["--measures", "mr", str(tmp_path / "t.png"), f"1={log}"])
    log.write_text("update\tloss\n100\tmany\n")
    with pytest.raises(ValueError, match="train.log:2: expected 2 numbers"):
        plot_training.main([str(tmp_path / "t.png"), f"1={log}"])
    log.write_text("update\tloss\n")
    with pytest.raises(ValueError, match="nothing was logged"):
        plot_training.main([str(tmp_path / "t.png"), f"1={log}"])


def test_embeddings_and_spectrogram_are_drawn(tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / "utt2spk").write_text("a-1 a\na-2 a\nb-1 b\nc-1 c\n")
    for name in ("L5", "L8"):
        with open_table(f"ark,scp:{tmp_path}/{name}.ark,{tmp_path}/{name}.scp") as writer:
            for utterance in ("a-1", "a-2", "b-1", "c-1"):
                writer.write(utterance, generator.normal(size=(6, 8)).astype(np.float32))
    utt2spk, tables = ["--utt2spk", f"{tmp_path}/utt2spk"], [f"{n}=scp:{tmp_path}/{n}.scp" for n in ("L5", "L8")]
    plot_embeddings.main([*utt2spk, "--max-speakers", "2", "--max-points", "8", f"{tmp_path}/tsne.png", *tables])
    assert is_picture(tmp_path / "tsne.png")
    points, speakers = plot_embeddings.read_points(
        f"scp:{tmp_path}/L5.scp", {"a-1": "a", "a-2": "a", "b-1": "b"}, {"a", "b"}, 8
    )
    assert speakers == ["a"] * 8 + ["b"] * 6 and points.shape == (14, 8)
    every, _ = plot_embeddings.read_points(f"scp:{tmp_path}/L5.scp", {"a-1": "a", "a-2": "a"}, {"a"}, 12)
    spread, _ = plot_embeddings.read_points(f"scp:{tmp_path}/L5.scp", {"a-1": "a", "a-2": "a"}, {"a"}, 3, "spread")
    assert np.array_equal(spread, every[[0, 4, 8]]) and np.array_equal(points[:8], every[:8])

    table = f"scp:{tmp_path}/L5.scp"
    plot_spectrogram.main(["--snippet-frames", "4", "--filters", "4,4 8,1", table, "a-1", f"{tmp_path}/s.png"])
    assert is_picture(tmp_path / "s.png")
    with pytest.raises(ValueError, match="there is no d-1"):
        plot_spectrogram.main([table, "d-1", f"{tmp_path}/s.png"])
    with pytest.raises(ValueError, match="--filters 4x4: expected two sizes"):
        plot_spectrogram.main(["--filters", "4x4", table, "a-1", f"{tmp_path}/s.png"])


def test_curve_of_another_program_is_refused(clusterings):
    (clusterings / "exp/exp/L5/1/curve.tsv").write_text("clusters\tmr\n1\t2\n")
    with pytest.raises(ValueError, match="curve.tsv:1: expected the columns num_clusters"):
        plot_cuts.main(["cuts.png", "L5=exp/exp/L5/1"])
    (clusterings / "exp/exp/L5/1/linkage.txt").write_text(" [\n 1 2 3 ]\n")
    with pytest.raises(ValueError, match="linkage.txt: expected a Kaldi text matrix of 4 columns"):
        plot_dendrogram.main(["--reference", "utt2spk", "exp/exp/L5/1", "tree.png"])
