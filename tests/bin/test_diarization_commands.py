"""eval_diarization, eval_conversations and clusters_to_rttm: what they write, and errors that name file and item."""

import json
import subprocess
import sys

import pytest

from speechlib.bin import clusters_to_rttm, eval_conversations, eval_diarization
from speechlib.io.rttm import read_rttm

REFERENCE = {"r1": [(0, 10, "A"), (8, 6, "B")], "r2": [(0, 4, "Jörg")]}
HYPOTHESIS = {"r1": [(0, 6, "x"), (6, 7, "y"), (20, 1, "z")], "r2": [(0, 3, "1")]}


def rttm(turns):
    return "".join(
        f"SPEAKER {recording} 1 {start} {duration} <NA> <NA> {speaker} <NA> <NA>\n"
        for recording, rows in turns.items()
        for start, duration, speaker in rows
    )


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / name).write_text(text if isinstance(text, str) else rttm(text), encoding="utf-8")

    write(ref=REFERENCE, hyp=HYPOTHESIS)
    return write


def evaluate(capsys, *options):
    eval_diarization.main(["--reference", "ref", "--hypothesis", "hyp", *options])
    return json.loads(capsys.readouterr().out)


def test_over_all_adds_times_up(files, capsys):
    report = evaluate(capsys)
    assert report["der"] == pytest.approx(7 / 20)
    assert [report[name] for name in ("missed", "false_alarm", "confusion")] == [4 / 20, 1 / 20, 2 / 20]
    assert report["scored_speech_seconds"] == 20 and report["num_recordings"] == 2
    assert report["jer"] == pytest.approx((0.4 + 3 / 8 + 1 / 4) / 3)
    recordings = report["per_recording"]
    assert [recordings[name]["der"] for name in ("r1", "r2")] == [6 / 16, 1 / 4]
    assert recordings["r1"]["missed_seconds"] == 3 and recordings["r2"]["num_reference_speakers"] == 1
    low, high = report["ci95"]["der"]
    assert low == 1 / 4 and high == 6 / 16


def test_collar_overlap_and_regions(files, capsys):
    assert evaluate(capsys, "--collar", "0.5")["per_recording"]["r1"]["scored_speech_seconds"] == 12
    for flag in (["--skip-overlap"], ["--skip-overlap=true"], ["--skip-overlap", "true"]):
        report = evaluate(capsys, *flag)
        assert report["skip_overlap"] is True and report["per_recording"]["r1"]["scored_speech_seconds"] == 12
    assert evaluate(capsys, "--skip-overlap", "false")["der"] == pytest.approx(7 / 20)
    files(uem="r1 1 0 6\nr1 1 4 7\nr2 1 0 2\n")
    report = evaluate(capsys, "--uem", "uem")
    assert report["scored_speech_seconds"] == 9 and report["der"] == pytest.approx(1 / 9)


def test_recording_without_hypothesis_is_missed(files, capsys):
    files(hyp={"r1": HYPOTHESIS["r1"]})
    eval_diarization.main(["--reference", "ref", "--hypothesis", "hyp"])
    printed = capsys.readouterr()
    assert "warning: hyp: nobody speaks in r2; all speech there is missed" in printed.err
    report = json.loads(printed.out)
    assert report["per_recording"]["r2"]["missed"] == report["per_recording"]["r2"]["jer"] == 1
    assert report["missed_seconds"] == 7


def test_silent_recordings_are_told_by_the_uem(files, capsys):
    files(ref="", hyp="", uem="quiet 1 0 30\n")
    report = evaluate(capsys, "--uem", "uem")
    assert (report["der"], report["jer"], report["scored_time_seconds"]) == (0, 0, 30)
    assert report["ci95"]["der"] is None
    files(hyp={"quiet": [(3, 1, "x")]})
    report = evaluate(capsys, "--uem", "uem")
    assert (report["der"], report["false_alarm_seconds"]) == (1, 1)


def test_overlapping_lines_of_a_speaker_count_once(files, capsys):
    files(ref={"r": [(0, 6, "A"), (4, 6, "A")]}, hyp={"r": [(0, 10, "x"), (1, 2, "x")]})
    report = evaluate(capsys)
    assert (report["scored_speech_seconds"], report["der"]) == (10, 0)


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ({"hyp": {"r3": [(0, 1, "x")]}}, [], r"hyp: r3: unknown to ref \(did you mean r2\?\); if nobody speaks"),
        ({"hyp": {"r3": [(0, 1, "x")]}, "uem": "r1 1 0 5\n"}, ["--uem=uem"], "hyp: r3: unknown to ref and uem "),
        ({"ref": "", "hyp": ""}, [], "ref: no turn of any speaker; expected SPEAKER lines, or --uem"),
        ({"hyp": "SPEAKER r1 1 0\n"}, [], "hyp:1: 4 columns; expected"),
        ({}, ["--collar=-1"], "the collar is -1.0 s"),
        ({}, ["--num-bootstrap=-1"], "--num-bootstrap: -1: expected 0 or more"),
        ({"sel": "{}"}, ["--selection=sel"], 'sel: expected an object with "cut": one of oracle, dev, fixed'),
        ({"sel": "{"}, ["--selection=sel"], "sel:1: not JSON"),
        ({"sel": '{"cut": "dev"}'}, ["--selection=sel", "--cut=dev"], "--selection and --cut say the same"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(files, tmp_path, texts, options, message):
    files(**texts)
    with pytest.raises(ValueError, match=message):
        eval_diarization.main(["--reference", "ref", "--hypothesis", "hyp", "--out", "result.json", *options])
    assert not (tmp_path / "result.json").exists()


def test_result_of_diarization(files, tmp_path, capsys):
    files(sel='{"cut": "dev", "threshold": 1.5}')
    options = ["--out=result.json", "--selection=sel", "--rule=why", "--tag=system=ucm", "--tag=seed=3", "--collar=0.1"]
    report = evaluate(capsys, *options)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["metrics"]["der"] == {"value": report["der"], "interval": report["ci95"]["der"]}
    assert set(result["metrics"]) == {"der", "missed", "false_alarm", "confusion", "jer"}
    assert result["selection"] == {"cut": "dev", "threshold": 1.5, "rule": "why"}
    assert result["counts"] == {"recordings": 2, "speakers": 3} and result["seed"] == 3
    assert (result["extra"]["collar"], result["extra"]["system"]) == (0.1, "ucm")
    assert result["extra"]["resampled"] == "recordings"


RECO2UTT = "c1 a b c d\nc2 e f\nc3 g\n"
UTT2SPK = "a s1\nb s1\nc s2\nd s2\ne s1\nf s3\ng s1\nother s9\n"
UTT2CLUSTER = "a 1\nb 2\nc 2\nd 2\ne 1\nf 1\ng 1\n"
FRAMES = "a 10\nb 20\nc 30\nd 40\ne 50\nf 60\ng 5\n"
CONVERSATIONS = {"reco2utt": RECO2UTT, "utt2spk": UTT2SPK, "utt2cluster": UTT2CLUSTER, "frames": FRAMES}


def score(*options):
    eval_conversations.main([*options, "reco2utt", "utt2spk", "utt2cluster", "result.json"])


def test_conversations(files, tmp_path, capsys):
    files(**CONVERSATIONS)
    score("--utt2num-frames=frames", "--cut=oracle", "--rule=number of speakers known", "--tag=distance=ucm")
    printed = json.loads(capsys.readouterr().out)
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    # Cluster 1 of one conversation is not cluster 1 of another.
    assert printed["i_pur"] == pytest.approx((80 / 100 + 60 / 110 + 1) / 3) == metrics["i_pur"]["value"]
    assert printed["i_pur_utterances"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert printed["i_spk"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert printed["exact_count"] == pytest.approx(2 / 3)
    assert (printed["mean_num_clusters"], printed["mean_num_speakers"]) == (4 / 3, 5 / 3)
    assert metrics["i_spk"]["interval"] == [0.5, 1]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["counts"] == {"conversations": 3, "speakers": 3, "utterances": 7}
    assert result["selection"] == {"cut": "oracle", "rule": "number of speakers known"}
    assert (result["extra"]["weights"], result["extra"]["distance"]) == ("frames", "ucm")
    groups = result["extra"]["by_num_speakers"]
    assert [(count, group["num_conversations"], group["i_spk"]) for count, group in groups.items()] == [
        ("1", 1, 1), ("2", 2, 0.75)]  # fmt: skip
    title, *rows = [line.split("\t") for line in (tmp_path / "conversations.tsv").read_text().splitlines()]
    table = {row[0]: dict(zip(title, row, strict=True)) for row in rows}
    assert table["c1"]["i_pur"] == "0.8" and table["c2"]["mr_hungarian"] == "0.5" and table["c3"]["num_speakers"] == "1"


def test_conversations_without_frames(files, tmp_path):
    files(**CONVERSATIONS)
    score()
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["metrics"]["i_pur"]["value"] == result["metrics"]["i_pur_utterances"]["value"]
    assert result["selection"] == {"cut": "fixed"} and result["extra"]["weights"] == "utterances"


def test_one_conversation_has_no_interval(files, tmp_path):
    files(**CONVERSATIONS | {"reco2utt": "c1 a b\n", "utt2cluster": "a 1\nb 1\n"})
    score()
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["i_pur"] == {"value": 1, "interval": None}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"utt2cluster": "a 1\n"}, r"utt2cluster: 6 of the 7 items of reco2utt are missing: b, c, d, e, f, \.\.\."),
        ({"utt2cluster": UTT2CLUSTER + "x 1\n"}, "reco2utt: 1 of the 8 items of utt2cluster are missing: x;"),
        ({"utt2spk": "a s1\n"}, "utt2spk: 6 of 7 utterances are missing: b, c, d, e, f"),
        ({"frames": "a 1\n"}, "frames: 6 of 7 utterances are missing"),
        ({"frames": FRAMES.replace("10", "0")}, "the count of 'a' is 0: expected at least 1"),
        ({"reco2utt": ""}, "reco2utt: no conversation"),
        ({"reco2utt": "c1 a b\nc2 b\n"}, "reco2utt: utterance 'b' is in 'c1' and in 'c2'"),
    ],
)
def test_bad_conversations(files, tmp_path, texts, message):
    files(**CONVERSATIONS | texts)
    with pytest.raises(ValueError, match=message):
        score("--utt2num-frames=frames")
    assert not (tmp_path / "result.json").exists() and not (tmp_path / "conversations.tsv").exists()


SEGMENTS = "r1-1 r1 0 1.5\nr1-2 r1 0.75 2.25\nr1-3 r1 1.5 3 0\nr2-1 r2 5 6.5 1\n"


def test_clusters_become_turns(files):
    files(segments=SEGMENTS, utt2cluster="r1-1 1\nr1-2 1\nr1-3 Jörg\nr2-1 1\n")
    clusters_to_rttm.main(["segments", "utt2cluster", "rttm"])
    expected = {"r1": [(0, 1.875, "1"), (1.875, 1.125, "Jörg")], "r2": [(5, 1.5, "1")]}
    assert read_rttm("rttm") == expected
    clusters_to_rttm.main(["--overlap=keep", "segments", "ark:utt2cluster", "rttm"])
    assert read_rttm("rttm")["r1"] == [(0, 2.25, "1"), (1.5, 1.5, "Jörg")]


def test_conversations_of_several_recordings(files):
    files(segments=SEGMENTS, utt2cluster="r1-1 1\nr2-1 2\n", reco2utt="talk r1-1 r2-1\n")
    clusters_to_rttm.main(["--reco2utt", "reco2utt", "segments", "utt2cluster", "rttm"])
    assert read_rttm("rttm") == {"talk": [(0, 1.5, "1"), (5, 1.5, "2")]}


def test_segments_without_cluster_are_left_out_with_a_warning(files, capsys):
    files(segments=SEGMENTS, utt2cluster="r2-1 1\n")
    clusters_to_rttm.main(["segments", "utt2cluster", "rttm"])
    assert read_rttm("rttm") == {"r2": [(5, 1.5, "1")]}
    assert "warning: 3 of 4 segments have no cluster and are left out, such as r1-1" in capsys.readouterr().err


def test_no_speech_at_all_is_an_empty_file(files, tmp_path):
    files(segments="", utt2cluster="")
    clusters_to_rttm.main(["segments", "utt2cluster", "rttm"])
    assert (tmp_path / "rttm").read_text() == ""


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ({"utt2cluster": "r1_1 1\n"}, [], r"segments: no utterance 'r1_1', which utt2cluster has \(1 missing\) \(did"),
        ({"reco2utt": "t r1-2\n"}, ["--reco2utt=reco2utt"], "reco2utt: no conversation has the utterance 'r1-1' of"),
        ({"segments": "r1-1 r1 2 -1\n"}, [], "utterance r1-1 ends at -1"),
        ({"utt2cluster": "r1-1 two words\n"}, [], "cannot write the name 'two words'"),
    ],
)
def test_bad_clusters(files, tmp_path, texts, options, message):
    files(**{"segments": SEGMENTS, "utt2cluster": "r1-1 1\n"} | texts)
    with pytest.raises(ValueError, match=message):
        clusters_to_rttm.main([*options, "segments", "utt2cluster", "rttm"])
    assert not (tmp_path / "rttm").exists()


def test_errors_are_one_line_without_traceback(files, tmp_path, root):
    for module, arguments in (
        ("eval_diarization", ["--reference", str(tmp_path / "ref"), "--hypothesis", "nothing"]),
        ("eval_conversations", ["nothing", "b", "c", "d"]),
        ("clusters_to_rttm", ["nothing", "b", "c"]),
    ):
        command = [sys.executable, "-m", f"speechlib.bin.{module}", *arguments]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr == f"{module}: error: nothing: No such file or directory\n"
