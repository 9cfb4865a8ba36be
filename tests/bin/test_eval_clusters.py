"""The command eval_clusters: one JSON object, and errors that name file and item."""

import json
import subprocess
import sys

import pytest

from speechlib.bin.eval_clusters import main


@pytest.fixture
def score(tmp_path, capsys):
    def run(reference: str, hypothesis: str) -> dict:
        (tmp_path / "utt2spk").write_text(reference)
        (tmp_path / "utt2cluster").write_text(hypothesis)
        main(["--reference", str(tmp_path / "utt2spk"), f"--hypothesis={tmp_path / 'utt2cluster'}"])
        return json.loads(capsys.readouterr().out)

    return run


def test_worked_example(score):
    reference = "".join(f"u{i} s{label}\n" for i, label in enumerate("000111122"))
    hypothesis = "".join(f"u{i} {label}\n" for i, label in reversed(list(enumerate("773322100"))))
    scores = score(reference, hypothesis)
    assert scores["mr_strict"] == pytest.approx(7 / 9)
    assert scores["mr_hungarian"] == pytest.approx(1 / 3)
    assert scores["purity"] == pytest.approx(8 / 9)
    assert (scores["num_speakers"], scores["num_clusters"], scores["num_utterances"]) == (3, 5, 9)
    assert -0.5 <= scores["ari"] <= 1


def test_perfect_clustering(score):
    scores = score("a 1\nb 1\nc 2\n", "a x\nb x\nc y\n")
    assert (scores["mr_strict"], scores["mr_hungarian"], scores["purity"], scores["ari"]) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "message"),
    [
        ("a 1\nb 1\n", "a 1\n", r"utt2cluster: 1 of the 2 items of .*utt2spk are missing: b;"),
        ("a 1\n", "a 1\nb 1\nc 1\n", r"utt2spk: 2 of the 3 items of .*utt2cluster are missing: b, c;"),
        ("a 1\n", "".join(f"{c} 1\n" for c in "abcdefgh"), r"missing: b, c, d, e, f, \.\.\.;"),
        ("", "a 1\n", "utt2spk: the file is empty"),
        ("a 1\n", "", "utt2cluster: the file is empty"),
        ("a 1\nb 2\na 1\n", "a 1\nb 1\n", "utt2spk:3: 'a' was there already in line 1"),
        ("a 1\nb\n", "a 1\nb 1\n", "utt2spk:2: 'b' has no value"),
        ("a 1\n\nb 1\n", "a 1\nb 1\n", "utt2spk:2: blank line"),
        ("a 1\nb 1 2\n", "a 1\nb 1\n", "utt2spk:2: 'b' has the label '1 2'; expected one word"),
    ],
)
def test_bad_files_are_refused(score, reference, hypothesis, message):
    with pytest.raises(ValueError, match=message):
        score(reference, hypothesis)


def command(*arguments, root):
    return subprocess.run(
        [sys.executable, "-m", "speechlib.bin.eval_clusters", *arguments], cwd=root, capture_output=True, text=True
    )


def test_errors_are_one_line_without_traceback(tmp_path, root):
    (tmp_path / "ref").write_text("a 1\n")
    result = command("--reference", str(tmp_path / "ref"), "--hypothesis", str(tmp_path / "nothing"), root=root)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == f"eval_clusters: error: {tmp_path}/nothing: No such file or directory\n"
    result = command("--referense", "x", root=root)
    assert result.returncode == 1 and "did you mean --reference?" in result.stderr


def test_output_is_one_json_object_and_needs_no_torch(tmp_path, root):
    (tmp_path / "ref").write_text("a 1\nb 2\n")
    code = (
        "import sys; from speechlib.bin.eval_clusters import main; "
        f"main(['--reference', {str(tmp_path / 'ref')!r}, '--hypothesis', {str(tmp_path / 'ref')!r}]); "
        "assert not {'torch', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["mr_strict"] == 0
