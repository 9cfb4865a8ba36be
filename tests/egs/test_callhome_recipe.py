"""egs/callhome/run.sh from conversations to pictures and results on a few synthetic voices, and its options."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from speechlib.io.audio import read_audio, write_wav
from speechlib.io.maps import read_lists, read_map
from speechlib.io.rttm import read_rttm

# One of each kind: the recipe's own lists differ in nothing else.
LISTS = {
    "distances.tsv": "# a comment\nproposed_eigenchannel eigenchannel ucm exact -\nglr moments glr average .3\n",
    "diarization.tsv": "proposed_eigenchannel ucm true\n",
}
SYSTEMS = ("proposed_eigenchannel", "glr", "ivector_plda")
SIZES = ("--conversations", "4", "--speakers", "2:3", "--num-gauss", "8", "--rank", "4", "--channel-rank", "2",
         "--ivector-dim", "4", "--nj", "1")  # fmt: skip


def run(recipe: Path, *options, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [recipe / "run.sh", *options], cwd=cwd or recipe, capture_output=True, text=True, timeout=600,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recipe(copy_recipe) -> Path:
    """A copy with few systems."""
    recipe = copy_recipe("callhome")
    for name, text in LISTS.items():
        (recipe / "conf" / name).write_text(text)
    return recipe


@pytest.fixture(scope="module")
def corpus(root, tmp_path_factory) -> Path:
    """Utterances of 16 speakers, 5 of them for the test; beside them a dialogue of two of these, with its RTTM."""
    folder = tmp_path_factory.mktemp("corpora")
    make = [root / "local/make_demo_corpus.sh", "--layout", "speechocean762", "--speakers", "16", "--nj", "1"]
    subprocess.run([*make, folder / "voices"], check=True, capture_output=True)
    files = read_map(folder / "voices/test/wav.scp")
    first, second = list(read_lists(folder / "voices/test/spk2utt").values())[:2]
    pieces, lines, start = [], [], 0.0
    for speaker, utterance in [*zip("aaa", first, strict=False), *zip("bbb", second, strict=False)]:
        samples, rate = read_audio(folder / "voices" / files[utterance])
        pieces.append(samples)
        lines.append(f"SPEAKER dialogue 1 {start:.3f} {len(samples) / rate:.3f} <NA> <NA> {speaker} <NA> <NA>\n")
        start += len(samples) / rate
    (folder / "real").mkdir()
    write_wav(folder / "real/dialogue.wav", np.concatenate(pieces), rate)
    (folder / "real/dialogue.rttm").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def finished(recipe, corpus) -> Path:
    """The recipe after all its stages; folders are named as they are seen from where the user stands."""
    done = run(recipe, *SIZES, "--corpus", "voices", "--recordings", "real", cwd=corpus)
    assert done.returncode == 0, done.stdout + done.stderr
    stages = re.findall(r"^stage (\d+): .*: done in .*, peak memory .*iB$", done.stdout, re.MULTILINE)
    assert [int(stage) for stage in stages] == list(range(1, 12))
    return recipe


def results(recipe: Path, pattern: str) -> dict[str, dict]:
    """By their place below the folder of the experiment."""
    exp = recipe / "exp/voices/seed1"
    return {str(path.relative_to(exp)): json.loads(path.read_text()) for path in sorted(exp.glob(pattern))}


def test_every_distance_is_scored_with_a_threshold_of_other_speakers_and_with_the_number_known(finished):
    data = finished / "data/voices/seed1"
    speakers = {part: set(read_map(data / part / "utt2spk").values()) for part in ("train", "dev", "eval")}
    assert len(speakers["train"]) == 8 and len(speakers["dev"]) == 3
    assert not speakers["train"] & speakers["dev"] and not speakers["eval"] & (speakers["train"] | speakers["dev"])
    found = results(finished, "scores/*/*/result.json")
    assert set(found) == {f"scores/{system}/{cut}/result.json" for system in SYSTEMS for cut in ("threshold", "known")}
    for place, result in found.items():
        assert result["counts"]["conversations"] == 4 and result["seed"] == 1
        assert result["extra"]["system"] == place.split("/")[1]
        assert result["selection"]["cut"] == ("oracle" if "known" in place else "dev")
        assert all(-1 <= metric["value"] <= 10 for metric in result["metrics"].values())
    numbers = read_map(data / "eval/reco2num_spk")
    clusters = read_map(finished / "exp/voices/seed1/scores/glr/known/utt2cluster")
    for conversation, utterances in read_lists(data / "eval/reco2utt").items():
        assert len({clusters[utterance] for utterance in utterances}) == int(numbers[conversation])


def test_raw_recordings_are_diarized_the_corpus_s_and_others(finished):
    found = results(finished, "diarization/*/*/result.json")
    sets = {"eval": 4, "real": 1}
    assert set(found) == {f"diarization/proposed_eigenchannel/{name}/result.json" for name in sets}
    for place, result in found.items():
        name = place.split("/")[2]
        assert result["counts"]["recordings"] == sets[name] and result["extra"]["recordings"] == name
        assert 0 <= result["metrics"]["der"]["value"] <= 1.5
        parts = sum(result["metrics"][part]["value"] for part in ("missed", "false_alarm", "confusion"))
        assert result["metrics"]["der"]["value"] == pytest.approx(parts)
    turns = read_rttm(finished / "exp/voices/seed1/diarization/proposed_eigenchannel/real/hyp.rttm")
    assert list(turns) == ["dialogue"] and len(turns["dialogue"]) >= 1


def test_pictures_and_page(finished):
    pictures = {path.name for path in (finished / "exp/voices/seed1/pictures/eval").glob("*.png")}
    assert pictures == {"few.png", "many.png", *(f"eval00{number}.png" for number in range(1, 5))}
    assert (finished / "exp/voices/seed1/pictures/real_raw/dialogue.png").exists()
    page = (finished / "RESULTS.md").read_text()
    shown = re.findall(r"\]\((results/voices/[^)]+\.png)\)", page)
    assert {Path(name).name for name in shown} == {
        f"{kind}_{size}.png" for kind in ("clusters", "diarization") for size in ("few", "many")
    }
    for name in shown:
        assert (finished / name).read_bytes().startswith(b"\x89PNG")
    assert "voices" in page  # a corpus that conf/results.yaml does not know
    for system in SYSTEMS:
        assert page.count(f"| {system} |") >= 2
    assert "83.70 %" in page and "| real |" in page
    assert len(json.loads((finished / "results/voices/results.json").read_text())) == 2 * len(SYSTEMS) + 4


def test_stages_alone_give_the_same_results_again(finished):
    patterns = ("scores/proposed*/*/result.json", "scores/glr/*/result.json")
    before = {place: result["metrics"] for pattern in patterns for place, result in results(finished, pattern).items()}
    model = finished / "exp/voices/seed1/model/eigenvoices.mat"
    written = model.stat().st_mtime_ns
    done = run(finished, *SIZES, "--name", "voices", "--stage", "3", "--stop-stage", "3", "--force")
    assert done.returncode == 0, done.stderr
    assert model.stat().st_mtime_ns == written  # what is finished is not done again
    for place in before:
        (finished / "exp/voices/seed1" / place).unlink()
    done = run(finished, *SIZES, "--name", "voices", "--stage", "6", "--stop-stage", "6")
    assert done.returncode == 0, done.stderr
    after = {place: result["metrics"] for pattern in patterns for place, result in results(finished, pattern).items()}
    assert after == before and len(after) == 4


def test_help_and_list(recipe):
    text = run(recipe, "--help").stdout
    script = (recipe / "run.sh").read_text()
    declared = re.search(r"^stage=0.*?\n\. \./cmd\.sh", script, re.MULTILINE | re.DOTALL)[0]
    for option in re.findall(r"(\w+)=", declared):
        assert f"  --{option.replace('_', '-')} " in text.split("also takes")[0], option
    stages = [int(line.split()[0]) for line in run(recipe, "--list").stdout.splitlines()]
    assert stages == list(range(1, 12))
    table = re.findall(r"^\| (\d+) \|", (recipe / "README.md").read_text(), re.MULTILINE)
    assert [int(stage) for stage in table] == stages


def test_a_dry_run_names_every_step_and_writes_nothing(recipe, corpus):
    done = run(recipe, "--dry-run", "--name", "nothing", "--nj", "7", "--recordings", "real", cwd=corpus)
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.replace('"', "").split()
    assert words[words.index("--nj") + 1] == "7"
    for step in ("train_eigenvoices", "extract_utterance_stats", "cluster_conversations", "score_conversations",
                 "segment_recordings", "tune_diarization", "diarize", "plot_conversations"):  # fmt: skip
        assert f"steps/{step}.sh" in words, step
    assert not (recipe / "data/nothing").exists() and not (recipe / "exp/nothing").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corpus", "no/such/folder"), "--corpus: there is no folder"),
        (("--train", "no/such/folder"), "--train: there is no folder"),
        (("--recordings", "no/such/folder"), "--recordings: there is no folder"),
        (("--stage", "99"), "the last stage is 11"),
        (("--seed", "0"), "--seed"),
        (("--num-gaus", "3"), "--num-gauss"),
    ],
)
def test_a_wrong_option_is_an_error_that_helps(recipe, options, message):
    done = run(recipe, *options)
    assert done.returncode != 0
    assert message in done.stderr and "Traceback" not in done.stderr


def test_folders_of_recordings_are_sets_of_their_own(recipe, tmp_path):
    here = tmp_path / "two words"
    for name in ("dev", "talks"):
        (here / name).mkdir(parents=True)
    done = run(recipe, "--dry-run", "--recordings", "talks", cwd=here)
    assert done.returncode == 0 and f'"{here}/talks"' in done.stdout, done.stderr
    for folders in ("dev", "talks talks"):
        done = run(recipe, "--dry-run", "--recordings", folders, cwd=here)
        assert done.returncode == 1 and "expected one word, other than train dev eval" in done.stderr, folders


def test_a_folder_without_a_corpus_is_told(recipe, tmp_path):
    (tmp_path / "corpus").mkdir()
    done = run(recipe, "--name", "wrong", "--corpus", "corpus", "--stop-stage", "1", cwd=tmp_path)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert f"{tmp_path}/corpus: none of: train/" in done.stderr and "--stage 1" in done.stderr
