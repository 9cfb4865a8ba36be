"""steps/pool_features.sh and run_statistics.sh: any number of jobs, re-runs, WCCN with cosine, and bad input."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.tables import open_table, read_table

DIM, SPEAKERS, UTTERANCES = 3, 12, 5


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A recipe directory with features of speakers for training, and of others for trials; one utterance is silent."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    generator = np.random.default_rng(4)
    for name in ("train", "test_mfcc"):
        data = folder / "data" / name
        data.mkdir(parents=True)
        speakers = {}
        with (
            open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as feats,
            open_table(f"ark,scp:{data}/vad.ark,{data}/vad.scp") as vad,
        ):
            for speaker in range(SPEAKERS):
                voice, spread = generator.normal(0, 1, DIM), generator.uniform(1, 2, DIM)
                for take in range(UTTERANCES):
                    room = generator.normal(0, 0.3, DIM)
                    utterance = f"{name}{speaker:02d}-{take}"
                    frames = voice + room + spread * generator.standard_normal((80, DIM))
                    feats.write(utterance, frames.astype(np.float32))
                    vad.write(utterance, np.full(80, (name, speaker, take) != ("train", 0, 0), np.float32))
                    speakers.setdefault(utterance.split("-")[0], []).append(utterance)
        write(data / "spk2utt", [f"{key} {' '.join(values)}" for key, values in speakers.items()])
        write(data / "utt2spk", [f"{value} {key}" for key, values in speakers.items() for value in values])
    names = [line.split()[0] for line in (folder / "data/test_mfcc/utt2spk").read_text().splitlines()]
    label = {True: "target", False: "nontarget"}
    pairs = [(a, b) for i, a in enumerate(names[:30]) for b in names[i + 1 :: 3]]
    write(folder / "data/test_mfcc/trials", [f"{a} {b} {label[a[:-2] == b[:-2]]}" for a, b in pairs])
    return folder


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))


def step(recipe, root, *arguments):
    environment = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    return subprocess.run(
        list(arguments), cwd=recipe, env=environment | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )


def pooled(recipe, root, out, *options, data="data/train"):
    done = step(recipe, root, "steps/pool_features.sh", *options, data, out)
    assert done.returncode == 0, done.stderr
    lines = (recipe / out / "embedding.scp").read_text().splitlines()
    assert lines == sorted(lines)
    return dict(read_table(f"scp:{recipe / out}/embedding.scp", "vector")), done


def test_any_number_of_jobs_gives_the_same_bits(recipe, root, tmp_path):
    alone, _ = pooled(recipe, root, str(tmp_path / "1"), "--nj", "1")
    shared, _ = pooled(recipe, root, str(tmp_path / "3"), "--nj", "3")
    assert list(alone) == list(shared) and len(alone) == SPEAKERS * UTTERANCES
    assert all(np.array_equal(alone[name], shared[name]) for name in alone)


def test_a_finished_job_is_not_done_again(recipe, root, tmp_path):
    out = str(tmp_path / "out")
    options = ("--nj", "2", "--vad", "true", "--apply-cmn", "sliding", "--deltas", "1")
    vectors, done = pooled(recipe, root, out, *options)
    assert "1 of 60 utterances have no embedding" in done.stderr
    assert {len(vector) for vector in vectors.values()} == {4 * DIM}
    archives = sorted((tmp_path / "out/parts").glob("*.ark"))
    times = [path.stat().st_mtime_ns for path in archives]
    pooled(recipe, root, out, *options)
    assert [path.stat().st_mtime_ns for path in archives] == times
    pooled(recipe, root, out, *options[:-2])
    assert all(path.stat().st_mtime_ns > time for path, time in zip(archives, times, strict=True))


def test_a_job_of_silence_alone_does_not_end_the_others(recipe, root, tmp_path):
    vectors, _ = pooled(recipe, root, str(tmp_path / "out"), "--nj", "60", "--vad", "true", data=few(recipe, tmp_path))
    assert len(vectors) == 2


def few(recipe, tmp_path):
    """A data directory of the silent utterance and two others."""
    for name in ("feats.scp", "vad.scp"):
        lines = (recipe / "data/train" / name).read_text().splitlines()
        write(tmp_path / name, lines[:3])
    return str(tmp_path)


def brute_force_scores(recipe, root, tmp_path):
    """Cosine after centring and W^-1, of the covariance within speakers W (Hatch et al., 2006)."""
    train, _ = pooled(recipe, root, str(tmp_path / "train"))
    test, _ = pooled(recipe, root, str(tmp_path / "test"), data="data/test_mfcc")
    mean = np.mean(list(train.values()), axis=0, dtype=np.float64)
    within = np.zeros((2 * DIM, 2 * DIM))
    for speaker in {name.split("-")[0] for name in train}:
        own = np.array([vector for name, vector in train.items() if name.startswith(speaker + "-")], np.float64)
        within += sum(np.outer(row, row) for row in own - own.mean(axis=0))
    inverse = np.linalg.inv(within / len(train))
    scores = []
    for line in (recipe / "data/test_mfcc/trials").read_text().splitlines():
        a, b = (test[name] - mean for name in line.split()[:2])
        scores.append(a @ inverse @ b / np.sqrt((a @ inverse @ a) * (b @ inverse @ b)))
    return scores


def test_a_whole_system_with_wccn(recipe, root, tmp_path):
    done = step(recipe, root, "steps/run_statistics.sh", "--nj", "2", "--wccn", "true", "--tags", "system=statistics",
                "--seed", "7", "data/train", "exp/system", "data/test_mfcc")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for kind in ("cosine", "plda"):
        result = json.loads((recipe / f"exp/system/scores_test/{kind}/result.json").read_text())
        assert result["seed"] == 7
        tags = {"system": "statistics", "layer": "statistics", "set": "test", "backend": kind}
        assert tags.items() <= result["extra"].items()
    scores = [float(line.split()[2]) for line in (recipe / "exp/system/scores_test/cosine/scores").open()]
    np.testing.assert_allclose(scores, brute_force_scores(recipe, root, tmp_path), atol=2e-5)


@pytest.mark.parametrize(("arguments", "expected"), [
    (("pool_features.sh", "data/none", "exp/o"), "no file data/none/feats.scp, or it is empty"),
    (("pool_features.sh", "--apply-cmn", "crop", "data/train", "exp/o"), "--apply-cmn crop: expected none, sliding or"),
    (("pool_features.sh", "--vad", "yes", "data/train", "exp/o"), "--vad yes: expected true or false"),
    (("pool_features.sh", "--vad", "true", "--max-bad", "0", "data/train", "exp/o"),
     "1 utterances without an embedding are too many: --max-bad is 0"),
    (("train_plda.sh", "--whiten", "true", "--wccn", "true", "data/train", "exp/o", "exp/b"), "choose one"),
])  # fmt: skip
def test_bad_input_is_told(recipe, root, arguments, expected):
    done = step(recipe, root, f"steps/{arguments[0]}", *arguments[1:])
    assert done.returncode == 1 and expected in done.stderr
    assert not (recipe / "exp/o/embedding.scp").exists()
