"""egs/speechocean762/run.sh from download to results on a tiny synthetic corpus; options of it and egs/voxceleb1."""

import functools
import http.server
import json
import re
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

NAMES = ("speechocean762", "voxceleb1")
LAST_STAGE = {"speechocean762": 10, "voxceleb1": 9}
# What is trained here: one system of each kind. Stage 9 wants further ones, which these stand in for.
LISTS = {
    "statistics.tsv": "statistics_sp train_sp test false\nstatistics_fit fit_sp dev false\n",
    "ivectors.tsv": "ivector_sp train_sp test none 2 4 0\n",
    "networks.tsv": "xvector_sp xvector 24 fit_sp test,dev tdnn6 training.num_updates=3\n",
}
STAND_INS = {
    "ivector_fit/seed1/ivector": "statistics_fit/seed1/statistics",
    "xvector_fit/seed1/tdnn6": "xvector_sp/seed1/tdnn6",
    "shon_fit/seed1/fc2": "xvector_sp/seed1/tdnn6",
    "shon_sp/seed1/fc2": "statistics_sp/seed1/statistics",
}


def run(recipe: Path, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [recipe / "run.sh", *options], cwd=cwd or recipe, capture_output=True, text=True, timeout=600,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recipes(copy_recipe) -> dict[str, Path]:
    """Copies of both."""
    return {name: copy_recipe(name) for name in NAMES}


@pytest.fixture(scope="module")
def address(root, tmp_path_factory):
    """Of a server that has the corpus, as it is called at home."""
    folder = tmp_path_factory.mktemp("server")
    make = [root / "local/make_demo_corpus.sh", "--layout", "speechocean762", "--speakers", "8", "--nj", "1"]
    subprocess.run([*make, folder / "corpus"], check=True, capture_output=True)
    with tarfile.open(folder / "speechocean762.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(folder / "corpus", "speechocean762")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/speechocean762.tar.gz"
        server.shutdown()


@pytest.fixture(scope="module")
def finished(recipes, address) -> Path:
    """The recipe after all its stages."""
    recipe = recipes["speechocean762"]
    for name, text in LISTS.items():
        (recipe / "conf" / name).write_text(text)
    options = ("--url", address, "--size", "tiny", "--num-seeds", "1", "--nj", "1", "--dev-share", ".4")
    exp = recipe / "exp" / "speechocean762"
    for first, last in ((0, 8), (9, 10)):
        done = run(recipe, *options, "--stage", str(first), "--stop-stage", str(last))
        assert done.returncode == 0, done.stdout + done.stderr
        for stage in range(first, last + 1):
            assert re.search(rf"^stage {stage}: .*: done in .*, peak memory .*iB$", done.stdout, re.MULTILINE)
        for name, source in STAND_INS.items() if first == 0 else ():
            (exp / name).parent.mkdir(parents=True, exist_ok=True)
            (exp / name).symlink_to(exp / source)
    return recipe


def score_files(recipe: Path) -> dict[str, bytes]:
    """By their place below exp."""
    exp = recipe / "exp" / "speechocean762"
    return {str(path.relative_to(exp)): path.read_bytes() for path in sorted(exp.glob("*/*/*/*/*/scores"))}


def test_every_system_leaves_scores_and_error_rates(finished):
    data, exp = finished / "data" / "speechocean762", finished / "exp" / "speechocean762"
    trials = {name: (data / name / "trials").read_text().splitlines() for name in ("test", "dev")}
    systems = {
        f"{system}/scores_{name}/{backend}": name
        for system, names in {
            "statistics_sp/seed1/statistics": ["test"],
            "statistics_fit/seed1/statistics": ["dev"],
            "ivector_sp/seed1/ivector": ["test"],
            "xvector_sp/seed1/tdnn6": ["test", "dev"],
        }.items()
        for name in names
        for backend in ("plda", "cosine")
    }
    fused = {"fusion/seed1/fusion/fused": "test"}
    fused |= {f"fusion/seed1/{name}_sp/calibrated": "test" for name in ("statistics", "ivector", "xvector", "shon")}
    for folder, name in (systems | fused).items():
        scores = (exp / folder / "scores").read_text().splitlines()
        assert [line.split()[:2] for line in scores] == [line.split()[:2] for line in trials[name]], folder
        result = json.loads((exp / folder / "result.json").read_text())
        assert result["counts"]["target"] == sum(line.endswith(" target") for line in trials[name])
        assert 0 <= result["metrics"]["eer"]["value"] <= 1
        assert result["extra"]["system"] == folder.split("/")[-2 if folder in fused else 0]
        assert result["seed"] == 1


def test_held_out_speakers_are_in_no_training_set_of_theirs(finished):
    data = finished / "data" / "speechocean762"
    speakers = {
        name: {line.split()[0] for line in (data / name / "spk2utt").read_text().splitlines()}
        for name in ("train", "fit", "dev", "test", "fit_sp_24", "train_aug_24")
    }
    assert speakers["fit"] | speakers["dev"] == speakers["train"] and not speakers["train"] & speakers["test"]
    assert {name.rpartition("-")[2] for name in speakers["fit_sp_24"]} == speakers["fit"]
    assert len(speakers["fit_sp_24"]) == 5 * len(speakers["fit"])
    assert len(speakers["train_aug_24"]) == 5 * len(speakers["train"])  # noisy copies are of the speakers themselves


def test_the_results_page_is_written_from_the_results(finished):
    page = (finished / "RESULTS.md").read_text()
    for name in ("statistics_sp", "ivector_sp", "xvector_sp", "fusion"):
        assert name in page
    assert (finished / "results/speechocean762/det.png").read_bytes().startswith(b"\x89PNG")
    assert len(json.loads((finished / "results/speechocean762/results.json").read_text())) >= 15


def test_a_stage_alone_gives_the_same_scores_again(finished):
    before = score_files(finished)
    assert len(before) >= 10
    for name in before:
        if name.startswith("statistics"):
            (finished / "exp/speechocean762" / name).unlink()
    done = run(finished, "--num-seeds", "1", "--nj", "1", "--stage", "4", "--stop-stage", "4")
    assert done.returncode == 0, done.stderr
    assert score_files(finished) == before


def test_a_download_is_not_repeated(finished):
    done = run(finished, "--url", "http://127.0.0.1:9/nothing.tar.gz", "--stop-stage", "0")
    assert done.returncode == 0 and "already there" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_help_and_list(recipes, name):
    text = run(recipes[name], "--help").stdout
    script = (recipes[name] / "run.sh").read_text()
    declared = re.search(r"^stage=0.*?\n\. \./cmd\.sh", script, re.MULTILINE | re.DOTALL)[0]
    for option in re.findall(r"(\w+)=", declared):
        assert f"  --{option.replace('_', '-')} " in text.split("also takes")[0], option
    listed = run(recipes[name], "--list").stdout.splitlines()
    first = 0 if name == "speechocean762" else 1
    assert [int(line.split()[0]) for line in listed] == list(range(first, LAST_STAGE[name] + 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_names_every_system_and_writes_nothing(recipes, name):
    done = run(recipes[name], "--dry-run", "--name", "nothing", "--nj", "7", "--num-seeds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.replace('"', "").split()
    assert words[words.index("--nj") + 1] == "7" and "--lda-dim" in words
    for step in ("make_feature_kinds", "run_ivector", "run_networks", "fuse_systems"):
        assert f"steps/{step}.sh" in words
    assert not re.search(r"\$(size|num_gauss|dev_share|num_augmented)", done.stdout)
    assert not (recipes[name] / "data" / "nothing").exists() and not (recipes[name] / "exp" / "nothing").exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "huge"), "--size: expected "),
        (("--corpus", "no/such/folder"), "no/such/folder"),
        (("--noise", "no/noise"), "--noise: there is no folder"),
        (("--rirs", "no/rooms"), "--rirs: there is no folder"),
        (("--stage", "99"), "the last stage is "),
        (("--seed", "0"), "--seed"),
        (("--num-seeds", "0"), "--num-seeds"),
        (("--speaker", "3"), "unknown option --speaker"),
    ],
)
def test_a_wrong_option_is_an_error_that_helps(recipes, name, options, message):
    done = run(recipes[name], *options)
    assert done.returncode != 0
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_without_the_corpus_is_told(recipes, name, tmp_path):
    (tmp_path / "corpus").mkdir()  # --corpus is seen from where the user stands
    done = run(recipes[name], "--name", "wrong", "--corpus", "corpus", "--stop-stage", "1", cwd=tmp_path)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert f"{tmp_path}/corpus" in done.stderr and "--stage 1" in done.stderr
