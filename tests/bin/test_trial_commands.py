"""Commands on trials and scores: what they print and write, and that errors leave nothing behind."""

import json

import numpy as np
import pytest

from speechlib.bin import calibrate_scores, compare_systems, compute_eer, eval_trials, normalize_scores, plot_det
from speechlib.io.results import read_result

TARGET, NONTARGET = [2, 1.2, 0.4, -0.3], [-2.1, -1, -0.5, 0.1, 0.6]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [(f"s{i}-a", f"s{i}-b") for i in range(4)]
    pairs = names + [(names[i][0], names[(i + 1) % 4][1]) for i in range(4)] + [(names[0][0], names[2][1])]
    labels = ["target"] * 4 + ["nontarget"] * 5
    lines = list(zip(pairs, labels, TARGET + NONTARGET, strict=True))
    (tmp_path / "trials").write_text("".join(f"{a} {b} {label}\n" for (a, b), label, _ in lines))
    (tmp_path / "scores").write_text("".join(f"{a} {b} {score}\n" for (a, b), _, score in reversed(lines)))
    (tmp_path / "utt2spk").write_text("".join(f"s{i}-{x} s{i}\n" for i in range(4) for x in "ab"))
    return tmp_path


def printed(capsys, command, *arguments):
    command.main(list(map(str, arguments)))
    return json.loads(capsys.readouterr().out)


def test_worked_numbers(here, capsys):
    report = printed(capsys, eval_trials, "--trials", "trials", "--scores", "scores", "--p-target", ".01,.001,.5")
    assert report["eer"] == pytest.approx(0.25) and report["eer_kaldi"] == 0.25
    assert report["min_dcf"] == pytest.approx({"0.01": 0.5, "0.001": 0.5, "0.5": 0.4})
    assert report["cllr"] == pytest.approx(0.7042831827, abs=1e-10)
    assert (report["num_target"], report["num_nontarget"], report["num_speakers"]) == (4, 5, 4)
    assert report["min_cllr"] <= report["cllr"] and set(report["act_dcf"]) == {"0.01", "0.001", "0.5"}
    low, high = report["ci95"]["eer"]
    assert 0 <= low <= 0.25 <= high <= 1 and set(report["ci95"]["min_dcf"]) == {"0.01", "0.001", "0.5"}


def test_result_file(here, capsys):
    arguments = ["--trials", "trials", "--scores", "scores", "--utt2spk", "utt2spk", "--num-bootstrap", "50"]
    report = printed(capsys, eval_trials, *arguments, "--out", "result.json", "--tag", "seed=3", "--tag", "layer=fc2")
    result = read_result("result.json")
    assert (result["seed"], result["extra"]["layer"], result["extra"]["resampled"]) == (3, "fc2", "speakers")
    assert result["counts"] == {"target": 4, "nontarget": 5, "speakers": 4}
    assert result["metrics"]["min_dcf_0.001"]["value"] == report["min_dcf"]["0.001"]
    assert result["metrics"]["eer"]["interval"] == report["ci95"]["eer"]
    assert report == printed(capsys, eval_trials, *arguments)  # the same draws each time


def test_no_interval_without_draws(here, capsys):
    report = printed(capsys, eval_trials, "--trials", "trials", "--scores", "scores", "--num-bootstrap", "0")
    assert report["ci95"]["eer"] is None and report["ci95"]["min_dcf"] == {"0.01": None, "0.001": None, "0.05": None}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("trials", "s0-a s0-b target\n", "all 1 trials are target trials"),
        ("trials", "s0-a s0-b\n", "no labels"),
        ("trials", "s0-a s0-b target\ns0-a s0-b target\n", "trials:2: trial 's0-a s0-b' was there already in line 1"),
        ("scores", "s0-a s0-b 1\n", "scores: no score of trial 's1-a s1-b'"),
        ("scores", "s0-a zz 1\n", "scores:1: 's0-a zz' is not among the trials of trials"),
        ("scores", "s0-a s0-b nan\n", "scores:1: the score is nan"),
        ("scores", "", "scores: the file is empty"),
        ("utt2spk", "s0-a s0\n", "trials:2: 's1-a' has no speaker"),
    ],
)
def test_bad_files_leave_no_result(here, file, text, message):
    (here / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        eval_trials.main(
            ["--trials", "trials", "--scores", "scores", "--utt2spk", "utt2spk", "--out", "result.json"]
        )
    assert not (here / "result.json").exists()


def test_kaldi_eer_of_a_stream(here, capsys):
    lines = [f"{value} target\n" for value in TARGET] + [f"{value} nontarget\n" for value in NONTARGET]
    (here / "labelled").write_text("".join(lines))
    compute_eer.main(["labelled"])
    captured = capsys.readouterr()
    assert captured.out == "25\n" and "equal error rate is 25%, at threshold 0.4" in captured.err
    (here / "labelled").write_text("1 target\n2 impostor\n")
    with pytest.raises(ValueError, match="labelled:2: label 'impostor'"):
        compute_eer.main(["labelled"])
    (here / "labelled").write_text("1 target\n")
    with pytest.raises(ValueError, match="all 1 lines are target"):
        compute_eer.main(["labelled"])


def test_comparison(here, capsys):
    better = [line.split() for line in (here / "scores").read_text().splitlines()]
    same = {line.rsplit(" ", 1)[0]: line.endswith(" target") for line in (here / "trials").read_text().splitlines()}
    (here / "better").write_text("".join(f"{a} {b} {float(s) + 9 * same[f'{a} {b}']}\n" for a, b, s in better))
    report = printed(capsys, compare_systems, "--trials", "trials", "--out", "compared.json", "scores", "better")
    assert report["eer"]["first"] == pytest.approx(0.25) and report["eer"]["second"] == 0
    assert report["eer"]["difference"] == pytest.approx(0.25) and 0 < report["eer"]["p_value"] <= 1
    assert json.loads((here / "compared.json").read_text()) == report
    report = printed(capsys, compare_systems, "--trials", "trials", "scores", "scores")
    assert report["eer"]["p_value"] == 1 and report["eer"]["ci95"] == [0, 0]


def cohort(here, names, size=6, seed=0):
    generator = np.random.default_rng(seed)
    return "".join(f"{name} c{i} {generator.standard_normal():.4f}\n" for name in names for i in range(size))


@pytest.fixture
def cohorts(here):
    (here / "enrol").write_text(cohort(here, [f"s{i}-a" for i in range(4)]))
    (here / "test").write_text(cohort(here, [f"s{i}-b" for i in range(4)], seed=1))
    return here


@pytest.mark.parametrize("method", ["s-norm", "as-norm", "z-norm", "t-norm"])
def test_normalisation(cohorts, method):
    arguments = ["--method", method, "--top-n", "3", "--trials", "trials", "scores"]
    normalize_scores.main([*arguments, "enrol", "test", "normalized"])

    def side(file, name):
        scores = sorted(float(line.split()[2]) for line in (cohorts / file).read_text().splitlines()
                        if line.startswith(name + " "))  # fmt: skip
        scores = scores[-3:] if method == "as-norm" else scores
        return np.mean(scores), np.std(scores)

    raw = {tuple(line.split()[:2]): float(line.split()[2]) for line in (cohorts / "scores").read_text().splitlines()}
    lines = [line.split() for line in (cohorts / "normalized").read_text().splitlines()]
    assert [line[:2] for line in lines] == [line.split()[:2] for line in (cohorts / "trials").read_text().splitlines()]
    for enrol, test, score in lines:
        sides = [("enrol", enrol)] * (method != "t-norm") + [("test", test)] * (method != "z-norm")
        parts = [(raw[enrol, test] - mean) / deviation for mean, deviation in (side(*each) for each in sides)]
        assert float(score) == pytest.approx(np.mean(parts), rel=1e-5)


def test_unused_cohort_is_not_read(cohorts):
    normalize_scores.main(["--method", "z-norm", "scores", "enrol", "/nowhere", "out"])
    assert (cohorts / "out").exists()


def test_small_cohort_is_a_warning(cohorts, capsys):
    normalize_scores.main(["--trials", "trials", "scores", "enrol", "test", "out"])
    assert "only 6 scores of s0-a, fewer than the top 300: all of them count" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("enrol", lambda text: text.replace("c3", "s2-b"), "1 of the cohort's 6 utterances are in the trials"),
        ("enrol", lambda text: text.replace("s3-a", "zz"), "no scores of 1 names of trials against .* s3-a"),
        ("test", lambda text: "".join(f"s{i}-b c0 1\n" for i in range(4)), "do not vary"),
        ("test", lambda text: text + "s0-b c9 inf\n", "test:25: the score is inf"),
        ("test", lambda text: "", "test: the file is empty"),
        ("utt2spk", lambda text: text + "".join(f"c{i} s{i}\n" for i in range(6)), "4 speakers of the cohort are in"),
        ("utt2spk", lambda text: text, "6 names of the cohort or the trials have no speaker, such as c0"),
    ],
)
def test_bad_cohorts(cohorts, file, change, message):
    path = cohorts / file
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=message):
        normalize_scores.main(
            ["--utt2spk", "utt2spk", "--trials", "trials", "scores", "enrol", "test", "out"]
            if file == "utt2spk"
            else ["--trials", "trials", "scores", "enrol", "test", "out"]
        )
    assert not (cohorts / "out").exists()


def test_calibration_is_stored_and_used_again(here, capsys):
    calibrate_scores.main(
        ["--dev-trials", "trials", "--dev-scores", "scores", "--model", "model.json", "scores", "calibrated"]
    )
    assert "an oracle" in capsys.readouterr().err
    before, after = (
        printed(capsys, eval_trials, "--trials", "trials", "--scores", name) for name in ("scores", "calibrated")
    )
    assert after["cllr"] < before["cllr"] and after["eer"] == pytest.approx(before["eer"])
    calibrate_scores.main(["--model", "model.json", "scores", "again"])
    assert (here / "again").read_bytes() == (here / "calibrated").read_bytes()


def test_fusion_of_two(here):
    lines = (here / "scores").read_text().splitlines()
    (here / "second").write_text("".join(f"{line.rsplit(' ', 1)[0]} {i % 4}\n" for i, line in enumerate(sorted(lines))))
    dev = ["--dev-trials", "trials", "--dev-scores", "scores", "--dev-scores", "second", "--model", "m.json"]
    calibrate_scores.main([*dev, "scores", "second", "fused"])
    model = json.loads((here / "m.json").read_text())
    assert len(model["weights"]) == 2 and model["prior"] == 0.5
    assert len((here / "fused").read_text().splitlines()) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out"], "at least one score file"),
        (["--dev-trials", "trials", "scores", "out"], "belong together"),
        (["scores", "out"], "give --dev-trials and --dev-scores to learn from, or --model"),
        (["--dev-trials", "trials", "--dev-scores", "scores", "scores", "scores", "out"], "once for each"),
        (["--model", "trials", "scores", "out"], "trials: no calibration"),
        (["--dev-trials", "one_class", "--dev-scores", "scores", "scores", "out"], "all 1 trials are target"),
        (["--prior", "2", "--dev-trials", "trials", "--dev-scores", "scores", "scores", "out"], "between 0 and 1"),
    ],
)
def test_bad_calibrations(here, arguments, message):
    (here / "one_class").write_text("s0-a s0-b target\n")
    with pytest.raises(ValueError, match=message):
        calibrate_scores.main(arguments)
    assert not (here / "out").exists()


def test_det_picture(here):
    plot_det.main(["--trials", "trials", "--p-target", ".01,.5", "det.svg", "one=scores", "two=scores"])
    assert (here / "det.svg").read_text().startswith("<?xml")
    for bad, message in ((["det.txt", "one=scores"], "ending in .png"), (["x.png", "scores"], "expected NAME=SCORES")):
        with pytest.raises(ValueError, match=message):
            plot_det.main(["--trials", "trials", *bad])
    assert not (here / "x.png").exists()
