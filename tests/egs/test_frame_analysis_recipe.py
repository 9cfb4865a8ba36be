"""egs/timit/run_frame_analysis.sh from end to end on a very small demo corpus, other networks, other corpora."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from egs.timit.local.frame_sets import CORE_TEST, choose_sets
from egs.timit.local.list_states import choose_evenly
from speechlib.io.maps import read_lists, read_map
from speechlib.io.tables import read_table

STAGES = range(1, 11)
TINY = {
    "shon_scaled.yaml": """
model: {name: shon_cnn, channels: [6, 6, 6, 8], fc1: 8, fc2: 6, pooling: average}
frontend: {cmn: utterance, vad: false}
crops: {frames: 100}
training: {optimizer: adam, learning_rate: 0.002, batch_size: 8, num_updates: 6, save_every: 2, tensorboard: false}
""",
    "phone_probe_scaled.yaml": """
kind: segmental
segmental: {hidden: 4, max_duration: 30}
training: {epochs: 1, batch_size: 8, optimizer: adam, learning_rate: 0.01}
""",
    "subword_probe.yaml": """
kind: ctc
frame_step: 0.02
ctc: {hidden: 0}
training: {epochs: 1, batch_size: 8, optimizer: adam, learning_rate: 0.05}
""",
}


@pytest.fixture(scope="module")
def recipe(copy_recipe) -> Path:
    """A copy with tiny networks and probes."""
    recipe = copy_recipe("timit")
    for name, text in TINY.items():
        (recipe / "conf" / name).write_text(text)
    return recipe


def run(recipe: Path, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    command = [str(recipe / "run_frame_analysis.sh"), "--speakers", "4", "--nj", "2", *options]
    return subprocess.run(
        command, cwd=cwd or recipe, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def finished(recipe: Path) -> Path:
    """The recipe after a whole run."""
    done = run(recipe, "--snapshots", "1", "--epoch-layers", "fc2", "--layers", "conv1 fc2")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for stage in STAGES:
        assert re.search(rf"^stage {stage}: .*: done in .*, peak memory .*iB$", done.stdout, re.MULTILINE)
    return recipe


def test_every_result_has_its_place(finished):
    found = {path.relative_to(finished / "exp/demo_frames").as_posix(): json.loads(path.read_text())
             for path in (finished / "exp/demo_frames").rglob("result.json")}  # fmt: skip
    kinds = [path.split("/")[0] for path in found]
    # two layers trained, untrained and shuffled, the input, and one layer on the way
    assert kinds.count("phones") == 2 + 2 + 2 + 1 + 1 and kinds.count("subwords") == 2 + 2 + 1
    assert kinds.count("classes") == 3 * 2 + 1 and kinds.count("critical") == 2 and kinds.count("similarity") == 5
    for path, result in found.items():
        extra, names = result["extra"], path.split("/")
        assert names[1:3] == [extra["state"], extra["layer"]]
        assert extra["depth"] == {"input": 0, "conv1": 1, "fc2": 2}[extra["layer"]]
        assert extra["update"] == {"untrained": 0, "update2": 2, "trained": 6}[extra["state"]]
        assert result["selection"]["cut"] == "fixed"
        for metric in result["metrics"].values():
            assert metric["interval"] is None or metric["interval"][0] <= metric["value"] <= metric["interval"][1]
    assert len(json.loads((finished / "results/demo_frames/results.json").read_text())) == len(found)


def test_pages_show_every_picture_with_a_sentence(finished):
    page = (finished / "RESULTS.md").read_text()
    pictures = re.findall(r"!\[[^]]+\]\((results/demo_frames/[^)]+\.png)\)", page)
    assert len(pictures) == len(set(pictures)) == len(list((finished / "results/demo_frames").glob("*.png"))) == 11
    report = (finished / "exp/demo_frames/report.html").read_text()
    assert report.count('src="data:image/png;base64,') == 11 and "synthetic" in report
    assert not re.search(r'src="(?!data:)', report)


def test_sets_share_neither_speakers_nor_sentences(finished):
    data = finished / "data/demo_frames"
    sets = {name: read_map(data / name / "utt2spk") for name in ("probe_train", "probe_test")}
    assert not set(sets["probe_train"].values()) & set(sets["probe_test"].values())
    texts = {name: set(read_map(data / name / "text").values()) for name in sets}
    assert not texts["probe_train"] & texts["probe_test"]
    assert not any("_SA" in name for utterances in sets.values() for name in utterances)
    assert set(read_lists(data / "phones/train.true")) == set(sets["probe_train"])
    speakers = json.loads((finished / "exp/demo_frames/network/training.json").read_text())
    assert speakers["updates"] == 6


def test_frames_of_the_trained_network_average_to_its_embeddings(finished):
    command = (f"cd '{finished}' && . ./path.sh && steps/extract_embeddings.sh --layer fc2 exp/demo_frames/network "
               "data/demo_frames/all exp/demo_frames/embeddings")  # fmt: skip
    subprocess.run(["bash", "-c", command], check=True, capture_output=True)
    embeddings = dict(read_table(f"scp:{finished}/exp/demo_frames/embeddings/embedding.scp", "vector"))
    frames = dict(read_table(f"scp:{finished}/exp/demo_frames/frames/trained/fc2/frames.scp", "matrix"))
    assert sorted(frames) == sorted(embeddings) and len(frames) == 40
    assert max(np.abs(frames[name].mean(axis=0) - vector).max() for name, vector in embeddings.items()) < 1e-5


def test_a_finished_run_does_no_work_again(finished):
    watched = sorted((finished / "exp/demo_frames").rglob("*.pt")) + sorted((finished / "exp").rglob("frames.*.ark"))
    before = [path.stat().st_mtime_ns for path in watched]
    done = run(finished, "--snapshots", "1", "--epoch-layers", "fc2", "--layers", "conv1 fc2", "--stage", "3",
               "--stop-stage", "6", "--force")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.stat().st_mtime_ns for path in watched] == before


def test_a_network_from_elsewhere_with_statistics_pooling(finished, tmp_path):
    """Its features are made as for its training; the dense layers are left out and it is said why."""
    command = (f"cd '{finished}' && . ./path.sh && steps/train_nnet.sh --config conf/shon_scaled.yaml "
               f"--override model.pooling=stats,training.save_every=0 "
               f"data/demo_frames/speaker_train '{tmp_path}/net'")  # fmt: skip
    subprocess.run(["bash", "-c", command], check=True, capture_output=True)
    relative = os.path.relpath(tmp_path / "net", finished.parent)  # seen from where the user stands
    done = run(finished, "--model", relative, "--name", "stats", "--stop-stage", "4", "--epoch-layers", "conv1",
               cwd=finished.parent)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fc1, fc2 of" in done.stderr and "average pooling" in done.stderr
    frames = finished / "exp/stats/frames"
    assert sorted(path.name for path in (frames / "trained").glob("conv*")) == ["conv1", "conv2", "conv3", "conv4"]
    assert not (frames / "trained/fc2").exists()
    config = (finished / "data/stats/all/feats.yaml").read_text()
    assert config == (finished / "data/demo_frames/all/feats.yaml").read_text()
    done = run(finished, "--model", str(tmp_path / "net"), "--name", "stats", "--stage", "4", "--stop-stage", "4",
               "--layers", "fc2")  # fmt: skip
    assert done.returncode != 0 and "statistics pooling" in done.stderr and "model.pooling=average" in done.stderr


def test_an_x_vector_network(finished):
    (finished / "conf/tiny_xvector.yaml").write_text(
        TINY["shon_scaled.yaml"].replace("name: shon_cnn, channels: [6, 6, 6, 8], fc1: 8, fc2: 6, pooling: average",
                                         "name: xvector, channels: [6, 6, 6, 6, 8], tdnn6: 6, tdnn7: 6")
    )  # fmt: skip
    for stages in (("--stop-stage", "4"), ("--stage", "7", "--stop-stage", "8")):
        done = run(finished, "--train-config", "conf/tiny_xvector.yaml", "--name", "x", "--snapshots", "0", "--layers",
                   "tdnn1 tdnn5", *stages)  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found = [path.relative_to(finished / "exp/x").as_posix() for path in (finished / "exp/x").rglob("result.json")]
    assert sorted(path for path in found if path.startswith("classes")) == [
        f"classes/{where}/result.json"
        for where in ("trained/input", "trained/tdnn1", "trained/tdnn5", "untrained/tdnn1", "untrained/tdnn5")
    ]
    assert "critical/trained/tdnn5/all/result.json" in found


def test_transcripts_alone(finished):
    """Data directories of another corpus without phones: the subword probe is what is left."""
    for part in ("train", "test"):
        folder = finished / f"data/own_{part}"
        shutil.copytree(finished / f"data/demo_frames/probe_{part}", folder)
        for name in ("phones.ctm", "feats.scp", "feats.yaml"):
            (folder / name).unlink(missing_ok=True)
    done = run(
        finished, "--train-dir", "data/own_train", "--test-dir", "data/own_test", "--layers", "fc2", "--snapshots", "0"
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "without an alignment there are no phone probe" in done.stderr
    pictures = sorted(path.name for path in (finished / "results/own_frames").glob("*.png"))
    assert pictures == ["subwords_unit_error_rate.png", "subwords_wer.png"]
    assert "Another run: own_frames" in (finished / "RESULTS.md").read_text()


def test_test_speakers_that_the_network_knows_are_an_error(finished):
    done = run(finished, "--model", "exp/demo_frames/network", "--train-dir", "data/demo_frames/probe_test",
               "--test-dir", "data/demo_frames/probe_train", "--name", "leak", "--stop-stage", "4")  # fmt: skip
    assert done.returncode != 0 and "the network was trained on" in done.stderr


def test_list_and_dry_run_do_nothing(recipe):
    listed = run(recipe, "--list", "--name", "nothing")
    assert [int(line.split()[0]) for line in listed.stdout.splitlines()] == list(STAGES)
    dry = run(recipe, "--dry-run", "--name", "nothing")
    assert dry.returncode == 0, dry.stderr
    for step in ("steps/run_probes.sh", "steps/train_nnet.sh", "local/extract_states.sh", "make_report"):
        assert step in dry.stdout
    assert not (recipe / "data/nothing").exists() and not (recipe / "exp/nothing").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--modl", "x"), "--model"),
        (("--model", "no/such/net"), "--model: there is no folder"),
        (("--train-dir", "."), "--train-dir and --test-dir go together"),
        (("--num-seeds", "0"), "--num-seeds"),
        (("--stage", "12"), "last stage is 10"),
    ],
)
def test_a_wrong_option_is_an_error_that_helps(recipe, options, message):
    done = run(recipe, *options)
    assert done.returncode != 0 and message in done.stderr


def test_core_test_speakers_where_all_are_there():
    assert len(CORE_TEST) == 24 and sum(name.startswith("F") for name in CORE_TEST) == 8
    test = [*CORE_TEST, "MXXX0"]
    utt2spk = {f"{speaker}_{name}": speaker for speaker in [*test, "FAEM0"] for name in ("SA1", "SI1", "SX2")}
    text = {name: "shared" if name.endswith("SA1") else name for name in utt2spk}
    sets = choose_sets(utt2spk, ["FAEM0"], test, text)
    assert len(sets["probe_test"]) == 48 and not any("MXXX0" in name for name in sets["probe_test"])
    assert sets["probe_train"] == ["FAEM0_SI1", "FAEM0_SX2"] and len(sets["speaker_test"]) == 75
    assert sets["pair"][0] == "FAEM0_SA1" and sets["pair"][1].startswith("M") and sets["pair"][1].endswith("SA1")
    text["FAEM0_SX2"] = "MDAB0  si1!".replace("  ", "_")  # a test sentence, spelt otherwise
    assert choose_sets(utt2spk, ["FAEM0"], test, text)["dropped"] == ["FAEM0_SX2"]
    some = [name for name in test if name != "MDAB0"]
    assert len(choose_sets(utt2spk, ["FAEM0"], some, text)["probe_test"]) == 48  # not all 24: all test speakers


def test_states_are_spread_by_their_logarithms():
    updates = [50, 100, 150, 200, 250, 300, 350]
    assert choose_evenly(updates, 2) == [50, 150] and choose_evenly(updates, 3) == [50, 100, 200]
    assert choose_evenly(updates, 99) == updates and choose_evenly(updates, 0) == [] and choose_evenly([], 2) == []
