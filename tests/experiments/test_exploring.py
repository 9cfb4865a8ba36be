"""explore: what it counts, measures, relates, finds odd and hands on, on a corpus with everything wrong in it."""

import csv
import json

import numpy as np
import pytest

from speechlib.bin import explore as command
from speechlib.experiments.data import ExperimentData, load_data
from speechlib.experiments.explore_pictures import Wanted, draw_projections
from speechlib.experiments.exploring import explore
from speechlib.experiments.gate import check_leaks
from speechlib.experiments.pictures import Pictures
from speechlib.experiments.quality import near_copies
from speechlib.experiments.relations import relate_labels, relate_numbers
from speechlib.experiments.run import run_experiment
from speechlib.experiments.traits import TraitExtractor
from speechlib.features.snr import estimate_snr
from speechlib.features.speech_rate import speech_rate
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.wav_writer import write_wav
from speechlib.report.style import new_figure
from tests.experiments.small_corpus import RATE, buzz, write_corpus, write_ini

FEW_PICTURES = "scatter = []\ntraits = []\nvalue_counts = ['gender']\nfeature_distributions = False\nmax_feats = 4"


def quiet(_):
    """Nobody is told."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def ini_of(folder, corpus, **sections):
    """INI of the corpus, whose experiments share a store."""
    sections["EXP"] = f"store = {corpus.parent}/store\n{sections.get('EXP', '')}"
    return ExperimentIni(write_ini(folder, corpus, **sections))


def with_rows(corpus, folder, rows):
    """The CSV file with rows added."""
    path = folder / "more.csv"
    path.write_text(corpus.read_text())
    with path.open("a", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def table_of(names, columns, target, classes):
    """Data without audio."""
    count = len(names)
    starts, ends = np.zeros(count), -np.ones(count)
    samples = Samples(["d"] * count, list(names), list(names), starts, ends, [None] * count, columns)
    return ExperimentData(samples, np.asarray(target), list(classes), [])


def test_everything_that_is_odd_is_found(tmp_path, corpus):
    first = (corpus.parent / "small/s1_calm0.wav").read_bytes()
    (tmp_path / "copy.wav").write_bytes(first)
    write_wav(tmp_path / "silent.wav", np.zeros(RATE, np.float32), RATE)
    write_wav(tmp_path / "clipped.wav", np.clip(buzz(120, 0.8, 1, level=60000.0), -32768, 32767), RATE)
    write_wav(tmp_path / "quiet.wav", buzz(150, 0.8, 2) / 200, RATE)
    write_wav(tmp_path / "short.wav", buzz(150, 0.4, 3), RATE)
    write_wav(tmp_path / "slow.wav", buzz(150, 1.6, 4)[::2], 8000)
    names = ["copy", "silent", "clipped", "quiet", "short", "slow"]
    path = with_rows(corpus, tmp_path, [[f"{tmp_path}/{name}.wav", "s1", "", "calm", 30] for name in names])
    said = []
    explore(ini_of(tmp_path, path, EXPL=FEW_PICTURES), said.append)
    found = json.loads((tmp_path / "results/exp/explore.json").read_text())
    assert found["samples"] == 29 and found["notes"] == ["1 silent samples are left out"]
    findings = found["findings"]
    (pair,) = findings.pop("identical")
    assert set(pair.split(" = ")) == {f"{tmp_path}/copy.wav", f"{corpus.parent}/small/s1_calm0.wav"}
    for kind in ("silent", "clipped", "quiet", "short"):
        assert findings.pop(kind) == [f"{tmp_path}/{kind}.wav"], kind
    assert findings.pop("rates") == [f"{tmp_path}/slow.wav (8000 Hz)"]
    assert findings.pop("missing") == ["gender (6 of 30)"]
    assert set(findings) <= {"near_identical"}
    assert "identical: 1: the same recording under several names" in said
    page = (tmp_path / "results/exp/explore.html").read_text()
    assert "near identical" in page or "identical" in page
    assert "http" not in page.replace("http-equiv", "")


def test_all_files_of_an_exploration(tmp_path, corpus, capsys):
    path = write_ini(
        tmp_path, corpus, EXP=f"store = {corpus.parent}/store",
        EXPL="value_counts = [['emotion', 'age'], ['snr', 'duration_pred']]\nmax_feats = 1\n"
        "traits = ['snr', 'duration']\nscatter.target = ['age']", PLOT="name = pre",
    )  # fmt: skip
    command.main(["--config", str(path)])
    assert "explore.html: page" in capsys.readouterr().err
    folder = tmp_path / "results/exp"
    with (folder / "traits.tsv").open() as file:
        traits = list(csv.DictReader(file, delimiter="\t"))
    assert list(traits[0]) == ["database", "sample", "start", "end", "emotion", "snr_pred", "duration_pred"]
    assert [row["duration_pred"] for row in traits[:3]] == ["0.6", "0.65", "0.7"]
    with (folder / "effects.tsv").open() as file:
        effects = list(csv.DictReader(file, delimiter="\t"))
    found = json.loads((folder / "explore.json").read_text())
    assert found["tests"] == len(effects) - 2 == 228 + 2  # features and traits; gender and speaker come beside them
    pitch = next(row for row in effects if row["feature"] == "pitch_mean")
    assert pitch["test"] == "Mann-Whitney" and float(pitch["p_holm"]) < 0.05
    assert float(pitch["p_holm"]) >= float(pitch["p_bh"]) >= float(pitch["p_value"])
    selection = json.loads((folder / "features.json").read_text())
    assert selection["features"] == found["features"] == [row["feature"] for row in effects[:1]]
    assert len(selection["samples"]) == 24
    pictures = {path.name for path in folder.glob("pre_*.png")}
    assert pictures == {
        "pre_counts_emotion_age.png", "pre_counts_snr_duration_pred.png", "pre_trait_snr.png", "pre_trait_duration.png",
        "pre_effects.png", f"pre_feature1_{found['features'][0]}.png", "pre_projection_age.png",
    }  # fmt: skip
    page = (folder / "explore.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)


def test_numbers_as_target(tmp_path, corpus):
    few = "max_feats = 1\ntraits = []\nscatter = ['pca']\nvalue_counts = ['age']"
    ini = ini_of(tmp_path, corpus, target="age", EXP="type = regression", EXPL=few)
    explore(ini, quiet)
    found = json.loads((tmp_path / "results/exp/explore.json").read_text())
    assert found["classes"] == {} and found["effects"][0]["effect"] == "Spearman's rho"
    assert [row["feature"] for row in found["associations"]] == ["gender", "speaker"]
    assert found["associations"][1]["p_holm"] == pytest.approx(min(1, 2 * found["associations"][1]["p_value"]))


def test_a_selection_on_test_samples_is_a_leak_later(tmp_path, corpus):
    explore(ini_of(tmp_path, corpus, EXPL=FEW_PICTURES), quiet)
    chosen = tmp_path / "results/exp/features.json"
    names = json.loads(chosen.read_text())["features"]
    feats = f"type = ['functionals']\nfeatures = ['{chosen}']"
    later = ini_of(tmp_path, corpus, name="later", FEATS=feats)
    with pytest.raises(ValueError, match="selection_beyond_training: the features were selected on 6 of 6 test"):
        run_experiment(later, quiet)
    allowed = ini_of(tmp_path, corpus, name="later", FEATS=feats, DATA="allow_leak = ['selection_beyond_training']")
    outcome = run_experiment(allowed, quiet)
    assert outcome.features.names == names and outcome.features.values.shape == (24, 4)
    assert outcome.summary["leaks"] == ["selection_beyond_training"]

    explore(ini_of(tmp_path, corpus, EXPL=f"{FEW_PICTURES}\nsample_selection = train"), quiet)
    assert len(json.loads(chosen.read_text())["samples"]) == 18
    data = load_data(later, quiet)
    assert check_leaks(later, data, [str(row) for row in range(24)]) == {}


@pytest.mark.parametrize(
    "sections, message",
    [
        ({"EXPL": "traits = ['snrr']"}, r"exp.ini:\d+: \[EXPL\] traits: unknown trait 'snrr' \(did you mean snr\?\)"),
        ({"EXPL": "value_counts = [['gendr']]"}, r"no column 'gendr' \(did you mean gender\?\)"),
        ({"EXPL": "value_counts = [['a', 'b', 'c']]"}, r"value_counts: expected one column or two, got \['a', 'b', 'c"),
        ({"EXPL": "scatter.target = ['emotions']"}, r"scatter.target: there is no column 'emotions' \(did you mean e"),
        ({"EXPL": "features = ['pitch_meen']"}, r"no feature 'pitch_meen' \(did you mean pitch_mean\?\)"),
        ({"target": "emotoin"}, r"no column 'emotoin' \(did you mean emotion\?\), which the target needs"),
        ({"EXPL": "sample_selection = train", "MODEL": "loso = True"}, "a cross-validation has 4 train parts, not one"),
        ({"PREDICT": "models = {'mood': 'mood.ini'}"}, r"\[PREDICT\] models: there is no file mood.ini"),
        ({"FEATS": "features = ['pitch.json']"}, "pitch.json: no file of features that explore wrote"),
    ],
)
def test_files_that_cannot_be_explored(tmp_path, corpus, sections, message):
    with pytest.raises(ValueError, match=message):
        explore(ini_of(tmp_path, corpus, **sections), quiet)
    assert not (tmp_path / "results/exp/explore.html").exists()


def test_nothing_but_silence_and_no_database(tmp_path, corpus):
    for name in "ab":
        write_wav(tmp_path / f"{name}.wav", np.zeros(8000, np.float32), RATE)
    path = tmp_path / "silence.csv"
    path.write_text(f"file,emotion\n{tmp_path}/a.wav,calm\n{tmp_path}/b.wav,angry\n")
    with pytest.raises(ValueError, match="all 2 samples are silent"):
        explore(ini_of(tmp_path, path), quiet)
    ini = ini_of(tmp_path, corpus)
    text = (tmp_path / "exp.ini").read_text().replace("databases = ['small']", "tests = ['small']")
    (tmp_path / "exp.ini").write_text(text)
    with pytest.raises(ValueError, match=r"databases: no database: expected databases = \['name', ..\]"):
        explore(ExperimentIni(ini.path), quiet)


def test_measured_traits_are_what_they_say():
    samples = buzz(120, 1.0, 5)
    found = dict(zip(TraitExtractor().names(5), TraitExtractor().compute(samples, RATE), strict=True))
    level = 20 * np.log10(np.sqrt(np.mean((samples / 32768.0) ** 2)))
    assert found == pytest.approx({"duration": 1.0, "snr": estimate_snr(samples, RATE), "clipping": 0.0, "level": level,
                                   "speech_rate": speech_rate(samples, RATE)}, abs=1e-4)  # fmt: skip
    clipped = np.zeros(1000, np.float32)
    clipped[100:150] = 32767
    assert TraitExtractor().compute(clipped, RATE)[3] == 0.05
    silence = TraitExtractor().compute(np.zeros(800, np.float32), RATE)
    np.testing.assert_array_equal(silence, [0.05, np.nan, np.nan, 0.0, np.nan])


def test_near_copies_are_far_nearer_than_neighbours():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 8))
    vectors[7] = vectors[3] + 0.001
    vectors[9] = vectors[2]
    digests = [str(row) for row in range(20)]
    digests[9] = digests[2]  # identical recordings are listed elsewhere
    names = [f"n{row}" for row in range(20)]
    (finding,) = near_copies(names, vectors, digests)
    assert finding.items == ["n3 ~ n7"] and near_copies(names[:2], vectors[:2], digests[:2]) == []
    assert near_copies(names[:3], vectors[:3], digests) == []


def test_labels_that_are_there_once_are_in_no_test(tmp_path, corpus):
    ini, notes = ini_of(tmp_path, corpus), []
    data = table_of("abcde", {}, [0, 0, 1, 1, 2], ["angry", "calm", "rare"])
    (effect,) = relate_numbers(ini, data, ["x"], np.array([[1.0], [2], [3], [4], [9]]), notes)
    assert notes == ["emotion: rare is there once, and in no test"] and list(effect.means) == ["angry", "calm"]
    associations = relate_labels(ini, data, {"gender": ["f", "f", "m", "m", None]}, notes)
    assert associations[0].feature == "gender" and associations[0].effect == "Cramer's V"
    by_speaker = ini_of(tmp_path, corpus, EXPL="by_speaker = True")
    with pytest.raises(ValueError, match=r"\[EXPL\] by_speaker: a comparison by speaker needs the speakers"):
        relate_numbers(by_speaker, data, ["x"], np.arange(5.0)[:, None], [])
    alone = table_of("ab", {}, [0, 0], ["angry", "calm"])
    with pytest.raises(ValueError, match=r"\[DATA\] target: emotion is the same for all items"):
        relate_numbers(ini, alone, ["x"], np.arange(2.0)[:, None], [])


def test_a_projection_needs_two_features(tmp_path, corpus):
    ini, notes = ini_of(tmp_path, corpus), []
    pictures = Pictures(ini, tmp_path)
    draw_projections(ini, Wanted([], ["emotion"]), None, np.zeros((5, 1)), pictures, notes)
    assert notes == ["no projection to the plane: 5 samples with 1 features"] and not list(pictures)


def test_a_picture_as_pdf_is_shown_as_png(tmp_path, corpus):
    pictures = Pictures(ini_of(tmp_path, corpus, PLOT="format = pdf\nname = pre"), tmp_path)
    pictures.add("one", new_figure(1, 1)[0], "title", "caption")
    assert [(picture.name, picture.contents[:4]) for picture in pictures] == [("pre_one.png", b"\x89PNG")]
    pictures.write()
    assert (tmp_path / "pre_one.pdf").read_bytes().startswith(b"%PDF") and (tmp_path / "pre_one.png").exists()
