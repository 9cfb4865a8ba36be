"""Templates of result pages and the numbers of papers."""

import pytest

from speechlib.io.results_template import read_reference, read_template

REFERENCE = "# Shon et al., Table 1\nlayer\tPaper: EER\tDCF\nfc1\t6.2 %\t.53\nfc2\t6.9 %\t.55\n"


def test_references_come_with_the_template(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper.tsv").write_text(REFERENCE)
    (tmp_path / "results.yaml").write_text("sections: [{title: T, table: {reference: paper.tsv}}, {title: U}]\n")
    template, references = read_template("results.yaml")
    assert template["sections"][1] == {"title": "U"}
    known = {"Paper: EER": {"fc1": "6.2 %", "fc2": "6.9 %"}, "DCF": {"fc1": ".53", "fc2": ".55"}}
    assert references == {"paper.tsv": known}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "paper.tsv:1: expected a title line of at least two columns"),
        ("layer\nfc1\n", "at least two columns"),
        ("layer\tEER\tEER\n", "two columns have the same title"),
        ("layer\tEER\nfc1\n", "paper.tsv:2: expected 2 columns separated by tabs, got 1"),
        ("layer\tEER\nfc1\t1\nfc1\t2\n", "paper.tsv:3: row 'fc1' was there already"),
    ],
)
def test_bad_references(tmp_path, text, message):
    (tmp_path / "paper.tsv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_reference(tmp_path / "paper.tsv")


def test_broken_templates_are_left_to_who_renders_them(tmp_path):
    (tmp_path / "results.yaml").write_text("sections: [1, 2]\n")
    assert read_template(tmp_path / "results.yaml") == ({"sections": [1, 2]}, {})
    (tmp_path / "results.yaml").write_text("a: [\n")
    with pytest.raises(ValueError, match="results.yaml:2: not YAML"):
        read_template(tmp_path / "results.yaml")
