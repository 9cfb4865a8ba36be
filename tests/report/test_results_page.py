"""The page of results: every number in it comes from a result, and mistakes in the template are found."""

import copy

import pytest

from speechlib.report.results_page import (
    field_of,
    group_rows,
    matching,
    natural_key,
    render_page,
    render_text_table,
)


def result(layer, seed, value, cut="dev", interval=(0.0, 0.2), speakers=20):
    return {
        "task": "speaker clustering",
        "metrics": {
            "mr": {"value": value, "interval": list(interval) if interval else None},
            "mr_oracle": {"value": value / 2, "interval": None, "selection": {"cut": "oracle"}},
        },
        "counts": {"speakers": speakers, "clusters": 20 + seed},
        "selection": {"cut": cut},
        "labels": {"file": "utt2spk", "sha256": "0123456789abcdef"},
        "seed": seed,
        "command": "python -m speechlib.bin.x 'a|b'",
        "commit": "f" * 40 + "-dirty",
        "date": "2020-01-02T03:04:05Z",
        "extra": {"layer": layer, "filter": [4, 8]},
    }


def summarise(results):
    """Stands in for merge_seeds."""
    if len({entry["task"] for entry in results}) > 1:
        raise ValueError("results of different task")
    values = {name: [entry["metrics"][name]["value"] for entry in results] for name in results[0]["metrics"]}
    return {
        name: {
            "mean": sum(numbers) / len(numbers),
            "sd": 0.05 if len(numbers) > 1 else None,
            "interval": results[0]["metrics"][name]["interval"],
        }
        for name, numbers in values.items()
    }


RESULTS = {
    "demo/clusters/L5/seed1/result.json": result("L5", 1, 0.1),
    "demo/clusters/L5/seed2/result.json": result("L5", 2, 0.3),
    "demo/clusters/L10/seed1/result.json": result("L10", 1, 0.5),
    "real/clusters/L5/seed1/result.json": result("L5", 1, 0.25),
    "real/other/result.json": result("L5", 1, 0.75),
}
TEMPLATE = {
    "title": "Speakers",
    "text": "What it is.",
    "corpora": [
        {"folder": "demo", "title": "Demo", "text": "Synthetic."},
        {"folder": "real", "title": "Real"},
        {"folder": "absent", "title": "Absent"},
    ],
    "sections": [
        {
            "title": "Clustering",
            "text": "By layer.",
            "table": {
                "results": "clusters/*/*/result.json",
                "rows": ["extra.layer"],
                "columns": [
                    {"title": "Layer", "field": "extra.layer"},
                    {"title": "MR", "metric": "mr"},
                    {"title": "MR", "metric": "mr_oracle", "percent": True},
                    {"title": "Clusters", "field": "counts.clusters"},
                    {"title": "Paper", "known": {"L5": 0.3}},
                ],
            },
            "figures": [{"file": "tree.png", "text": "The tree."}],
        }
    ],
}


def render(template=TEMPLATE, results=RESULTS, files=("demo/tree.png",)):
    return render_page(template, results, files, summarise)


def test_page_holds_every_number():
    page, warnings = render()
    assert page.startswith("# Speakers\n")
    lines = page.splitlines()
    assert "| Layer | MR, dev cut | MR, oracle cut | Clusters | Paper | Seeds |" in lines
    rows = [line for line in lines if line.startswith(("| L5", "| L10"))]
    assert rows[0] == "| L5 | 0.200 ± 0.050 [0.000, 0.200] | 10.0 ± 5.0 % | 21 to 22 | 0.3 | 2 |"
    assert rows[1] == "| L10 | 0.500 [0.000, 0.200] | 25.0 % | 21 |  | 1 |"
    assert rows[2].startswith("| L5 | 1, 2 | dev | utt2spk (sha256 01234567) | ffffffffff-dirty | 2020-01-02 |")
    assert rows[2].endswith("`python -m speechlib.bin.x 'a\\|b'` |")
    assert page.count("## Demo") == page.count("## Real") == 1 and "Absent" not in page
    assert page.count("### Clustering") == 2
    assert "![The tree.](results/demo/tree.png)" in page
    assert warnings == ["section 'Clustering' has no picture results/real/tree.png"]


def test_a_corpus_without_a_place_is_named():
    _, warnings = render_page(TEMPLATE, {**RESULTS, "mine/a/result.json": result("L5", 1, 0.1)}, [], summarise)
    assert any("no corpus 'mine'" in warning for warning in warnings)
    _, warnings = render_page(TEMPLATE, RESULTS, [], summarise)
    assert not any("no corpus" in warning for warning in warnings)


def test_a_template_may_have_a_place_for_every_other_corpus():
    others = {"folder": "*", "title": "Another corpus", "text": "Nothing is known of it."}
    template = {**TEMPLATE, "corpora": [*TEMPLATE["corpora"], others]}
    mine = {f"{name}/clusters/L5/seed1/result.json": result("L5", 1, 0.125) for name in ("mine", "ours")}
    page, warnings = render_page(template, {**RESULTS, **mine}, [], summarise)
    assert "## Another corpus: mine\n\nNothing is known of it.\n" in page and "## Another corpus: ours\n" in page
    assert page.count("0.125") == 2 and not any("no corpus" in warning for warning in warnings)
    page, _ = render_page(template, mine, [], summarise)  # alone, it is no mistake of the template
    assert "## Another corpus: mine\n" in page
    page, _ = render_page(template, RESULTS, [], summarise)
    assert "Another corpus" not in page


def test_rows_with_different_cuts_say_so_in_the_cells():
    results = dict(RESULTS)
    results["demo/clusters/L10/seed1/result.json"] = result("L10", 1, 0.5, cut="oracle")
    page, _ = render(results=results)
    assert "| Layer | MR | MR, oracle cut |" in page
    assert "0.200 ± 0.050 [0.000, 0.200], dev cut |" in page and "0.500 [0.000, 0.200], oracle cut |" in page


def test_fixed_selection_needs_no_word():
    results = {path: result("L5", seed, 0.5, cut="fixed") for seed, path in enumerate(RESULTS)}
    assert "| Layer | MR | MR, oracle cut |" in render(results=results)[0]


def test_interval_without_width_is_explained():
    results = {"demo/clusters/L5/seed1/result.json": result("L5", 1, 0.0, interval=(0, 0), speakers=12)}
    assert "upper limit of the share of speakers with errors is 0.26 for 12 speakers" in render(results=results)[0]
    assert "binomial" not in render()[0]


def test_intervals_over_conversations_are_called_so():
    assert "95 % by bootstrap over speakers (what other speakers of" in render()[0]
    clusters = result("L5", 1, 0.0, interval=(0, 0))
    clusters["counts"]["conversations"], clusters["extra"]["resampled"] = 60, "conversations"
    page = render(results={"demo/clusters/L5/seed1/result.json": clusters})[0]
    assert "95 % by bootstrap over conversations (what other conversations of" in page
    assert "all conversations scored alike" in page and "with errors is 0.06 for 60 conversations." in page
    page = render(results=RESULTS | {"real/clusters/L10/seed1/result.json": clusters})[0]
    assert "95 % by bootstrap over speakers or conversations (" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("corpora"), "the template: corpora is missing; the keys are"),
        (lambda t: t.update(sektions=[]), "the template: unknown key sektions"),
        (lambda t: t["sections"][0].update(txt="x"), "a section: unknown key txt"),
        (lambda t: t["sections"][0]["table"].pop("rows"), "the table of section 'Clustering': rows is missing"),
        (lambda t: t["sections"][0]["table"].update(results="no/*"), "'Clustering': nothing matches no/"),
        (lambda t: t["sections"][0]["table"].update(rows=["extra.laier"]), "there is no extra.laier .*layer, filter"),
        (lambda t: t["sections"][0]["table"]["columns"][1].update(metric="der"), "no metric der; there are mr, mr_or"),
        (lambda t: t["sections"][0]["table"]["columns"][0].update(metric="mr"), "one of field, metric and known"),
        (lambda t: t["sections"][0]["table"]["columns"].append("mr"), "expected keys and values, got 'mr'"),
    ],
)
def test_mistakes_in_the_template_are_found(change, message):
    template = copy.deepcopy(TEMPLATE)
    change(template)
    with pytest.raises(ValueError, match=message):
        render(template)


def test_results_that_do_not_belong_together_are_found():
    results = copy.deepcopy(RESULTS)
    results["demo/clusters/L5/seed2/result.json"]["task"] = "other"
    with pytest.raises(ValueError, match="L5/seed1/result.json, .*seed2.*different task; name in 'rows'"):
        render(results=results)


def test_fields():
    path, entry = next(iter(RESULTS.items()))
    assert field_of(path, entry, "extra.filter") == "4 x 8"
    assert field_of(path, entry, "path.2") == "L5"
    for field in ("path.9", "path.x", "path"):
        with pytest.raises(ValueError, match="there is no path"):
            field_of(path, entry, field)


def test_patterns_stay_within_a_part():
    assert len(matching(RESULTS, "*/clusters/*/*/result.json")) == 4
    assert len(matching(RESULTS, "*/result.json")) == 0
    assert len(matching(RESULTS, "demo/clusters/L?/seed[12]/result.json")) == 2


def test_natural_order():
    assert sorted(["L10", "L5", 3, "1 x 16", "1 x 4", 0.5], key=natural_key) == [0.5, 3, "1 x 4", "1 x 16", "L5", "L10"]


def test_seeds_are_in_order():
    results = {f"x/seed{seed}/result.json": result("L5", seed, 0.1) for seed in (10, 2, 1)}
    (row,) = group_rows(results, ["extra.layer"], summarise)
    assert [entry["seed"] for entry in row.results] == [1, 2, 10]


def with_reference():
    template = copy.deepcopy(TEMPLATE)
    template["sections"][0]["table"]["reference"] = "paper.tsv"
    return template, {"paper.tsv": {"Shon": {"L5": "10 %", "L10": "20 %"}}}


def test_numbers_of_a_paper_stand_beside_ours():
    template, references = with_reference()
    page, _ = render_page(template, RESULTS, [], summarise, references=references)
    lines = page.splitlines()
    assert any(line.endswith("| Paper | Shon | Seeds |") for line in lines)
    assert any(line.endswith("| 0.3 | 10 % | 2 |") for line in lines)
    with pytest.raises(ValueError, match="the numbers of paper.tsv were not given"):
        render_page(template, RESULTS, [], summarise)


def test_table_as_text():
    template, references = with_reference()
    own = {path[len("demo/") :]: result for path, result in RESULTS.items() if path.startswith("demo/")}
    text = render_text_table(template, "Cluster", own, summarise, references)
    title, blank, head, rule, *rows = text.splitlines()
    assert (title, blank) == ("Clustering", "") and set(rule) == {"-", " "} and len(rows) == 2
    assert all(len(line) <= len(rule) for line in (head, *rows))
    for column in range(1, len(rule)):  # columns begin at the same place in all lines
        if rule[column - 1] == " " and rule[column] == "-":
            assert all(len(line) <= column or line[column - 1] == " " for line in (head, *rows))
    with pytest.raises(ValueError, match="'Nothing': no section with a table of that title; there are 'Clustering'"):
        render_text_table(template, "Nothing", own, summarise, references)
    template["sections"].append({**template["sections"][0], "title": "Clustering 2"})
    with pytest.raises(ValueError, match="'Clus': several sections"):
        render_text_table(template, "Clus", own, summarise, references)
    with pytest.raises(ValueError, match="nothing matches"):
        render_text_table(template, "Clustering", {}, summarise, references)


def test_sections_of_another_recipe_may_be_empty():
    template = copy.deepcopy(TEMPLATE)
    template["sections"].append({"title": "Other", "table": {**template["sections"][0]["table"], "results": "x/*"}})
    with pytest.raises(ValueError, match="section 'Other': nothing matches"):
        render(template)
    template["sections"][1]["optional"] = True
    page, _ = render(template)
    assert "### Other" not in page and page == render()[0]


def test_a_page_of_one_corpus():
    page, warnings = render_page(TEMPLATE, RESULTS, ["demo/tree.png"], summarise, only="demo")
    assert "## Demo" in page and "## Real" not in page and not warnings
    mine = {"mine/clusters/L5/seed1/result.json": result("L5", 1, 0.125)}  # a corpus that the template does not know
    page, warnings = render_page(TEMPLATE, {**RESULTS, **mine}, [], summarise, only="mine")
    assert "## mine" in page and "0.125" in page and len(warnings) == 1
    with pytest.raises(ValueError, match="results/nothing: no result there"):
        render_page(TEMPLATE, RESULTS, [], summarise, only="nothing")
    # what the template has for others is no mistake here
    other = {path: found for path, found in RESULTS.items() if path == "real/other/result.json"}
    page, _ = render_page(TEMPLATE, other, [], summarise, only="real")
    assert "Clustering" not in page
