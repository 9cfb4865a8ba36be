"""egs/timit/run.sh from end to end on a very small demo corpus, stage after stage, and its options."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

STAGES = range(1, 11)
TINY_CONFIG = """\
model: {channels: [2, 2], hidden: [2, 1]}
training: {batch_size: 8, num_updates: 3, learning_rate: 0.01, tensorboard: false}
"""


@pytest.fixture(scope="module")
def recipe(copy_recipe) -> Path:
    """A copy with a tiny network and few filter shapes."""
    recipe = copy_recipe("timit")
    (recipe / "conf" / "tiny.yaml").write_text(TINY_CONFIG)
    shapes = recipe / "conf" / "filter_shapes.tsv"
    shapes.write_text("".join(shapes.read_text().splitlines(keepends=True)[:3]))  # the title and two of them
    return recipe


def run(recipe: Path, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    command = [str(recipe / "run.sh"), "--speakers", "16", "--num-seeds", "2", "--train-config", "conf/tiny.yaml"]
    return subprocess.run(
        [*command, *options], cwd=cwd or recipe, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def finished(recipe: Path) -> Path:
    """The recipe after each stage was started on its own, in turn."""
    for stage in STAGES:
        done = run(recipe, "--nj", "2", "--stage", str(stage), "--stop-stage", str(stage))
        assert done.returncode == 0, f"stage {stage}\n{done.stdout}\n{done.stderr}"
        assert re.search(rf"^stage {stage}: .*: done in .*, peak memory .*iB$", done.stdout, re.MULTILINE)
    return recipe


def archives(data: Path) -> bytes:
    """The features of a data directory, whatever archives they lie in."""
    content = []
    for line in (data / "feats.scp").read_text().splitlines():
        key, place = line.split()
        path, offset = place.rsplit(":", 1)
        content.append((key, path, int(offset)))
    order = sorted(content, key=lambda item: (item[1], item[2]))
    assert [key for key, *_ in content] == sorted(key for key, *_ in content)
    whole = {path: (data.parents[2] / path).read_bytes() for _, path, _ in order}
    pieces = {}
    for (key, path, offset), following in zip(order, [*order[1:], None], strict=True):
        last = following is None or following[1] != path
        end = len(whole[path]) if last else following[2] - len(following[0]) - 1
        pieces[key] = whole[path][offset:end]
    return b"".join(pieces[key] for key in sorted(pieces))


def test_every_stage_starts_after_its_predecessors_and_leaves_results(finished):
    results = {path: json.loads(path.read_text()) for path in (finished / "exp" / "demo").rglob("result.json")}
    # 2 seeds of identification; 2 shapes x 2 seeds x 2 sets; 2 networks x 2 seeds x 3 layers x 2 lists; 2 distances x
    # 2 seeds x 2 lists and 3 distances x 2 lists
    assert len(results) == 2 + 8 + 24 + 8 + 6
    assert len(json.loads((finished / "results" / "demo" / "results.json").read_text())) == len(results)
    for path, result in results.items():
        assert result["selection"]["cut"] in ("oracle", "dev", "fixed")
        assert result["labels"]["sha256"] and result["seed"] in (1, 2)
        for name, metric in result["metrics"].items():
            assert 0 <= metric["value"] <= 1
            if metric["interval"]:
                assert metric["interval"][0] <= metric["value"] <= metric["interval"][1], (path, name)
    strict = [result["metrics"] for path, result in results.items() if "cluster" in path.parts]
    assert all(m["mr_strict_oracle"]["value"] <= m["mr_strict"]["value"] for m in strict)
    assert all(m["mr_hungarian_oracle"]["value"] <= m["mr_strict_oracle"]["value"] for m in strict)


def test_results_page_shows_pictures_that_are_there(finished):
    page = (finished / "RESULTS.md").read_text()
    pictures = re.findall(r"\]\((results/demo/[^)]+\.png)\)", page)
    assert len(pictures) == len(set(pictures)) == 7
    for picture in pictures:
        assert (finished / picture).read_bytes().startswith(b"\x89PNG")
    assert "synthetic" in page and "oracle cut" in page and "dev cut" in page


def test_any_number_of_jobs_gives_the_same_archives(finished):
    first = archives(finished / "data" / "demo" / "all")
    done = run(finished, "--nj", "3", "--name", "three", "--stop-stage", "2")
    assert done.returncode == 0, done.stderr
    assert archives(finished / "data" / "three" / "all") == first
    done = run(finished, "--nj", "1", "--name", "one", "--stop-stage", "2")
    assert done.returncode == 0, done.stderr
    assert archives(finished / "data" / "one" / "all") == first


def test_a_finished_run_is_not_repeated(finished):
    models = sorted((finished / "exp").rglob("model.pt"))
    before = [model.stat().st_mtime_ns for model in models]
    done = run(finished, "--nj", "2", "--stage", "3", "--stop-stage", "3", "--force")
    assert done.returncode == 0, done.stderr
    assert [model.stat().st_mtime_ns for model in models] == before


def test_real_recordings(recipe, corpora):
    corpus = corpora / "timit"
    relative = os.path.relpath(corpus, recipe.parent)  # --corpus is seen from where the user stands
    done = run(recipe, "--corpus", relative, "--stop-stage", "2", cwd=recipe.parent)
    assert done.returncode == 0, done.stderr
    data = recipe / "data" / "timit"
    speakers = len((data / "all" / "spk2utt").read_text().splitlines())
    assert len((data / "all" / "feats.scp").read_text().splitlines()) >= 9 * speakers
    test = (data / "lists" / "test2").read_text().split()
    assert len(test) == 2 * speakers


def test_list_and_dry_run_do_nothing(recipe):
    listed = run(recipe, "--list", "--name", "nothing")
    assert listed.returncode == 0
    assert [int(line.split()[0]) for line in listed.stdout.splitlines()] == list(STAGES)
    dry = run(recipe, "--dry-run", "--stage", "2", "--stop-stage", "2", "--name", "nothing", "--nj", "7")
    assert dry.returncode == 0, dry.stderr
    words = dry.stdout.replace('"', "").split()
    assert "steps/make_feats.sh" in words and "data/nothing/all" in words
    assert words[words.index("--nj") + 1] == "7"
    assert "train_snippet_cnn" not in dry.stdout
    assert not (recipe / "data" / "nothing").exists() and not (recipe / "exp" / "nothing").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stopstage", "3"), "--stop-stage"),
        (("--sed", "3"), "--seed"),
        (("--nj", "many"), "whole number"),
        (("--stage", "12"), "last stage is 10"),
        (("--corpus", "no/such/folder"), "no/such/folder"),
        (("--seed", "0"), "--seed"),
    ],
)
def test_a_wrong_option_is_an_error_that_helps(recipe, options, message):
    done = run(recipe, *options)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_failing_stage_says_where_to_start_again(recipe):
    done = run(recipe, "--name", "unprepared", "--stage", "3", "--stop-stage", "3")
    assert done.returncode != 0
    assert "stage 3" in done.stderr and "--stage 3" in done.stderr
