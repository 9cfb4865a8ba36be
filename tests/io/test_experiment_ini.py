"""INI files of experiments: values and defaults, and an error with file, line and the nearest name for what is odd."""

import pytest

from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.experiment_keys import DATABASE_KEYS, SECTIONS

GOOD = """[EXP]
root = ./results/
name = exp
[DATA]
databases = ['EmoDB', 'other']
emodb = ./data/emodb
EmoDB.split_strategy = ['03', '08']
emodb.mapping = {'anger, fear':'negative'}
other = ./other.csv
other.type = csv
target = emotion
labels = ['anger', 'happiness']
[FEATS]
type = ['functionals', 'mfcc']
scale = standard
[MODEL]
type = svm
C_val = 10
kernel = 'linear'
class_weight = True
"""


def ini(tmp_path, text=GOOD):
    path = tmp_path / "exp.ini"
    path.write_text(text, encoding="utf-8")
    return ExperimentIni(path)


def test_values_are_literals_or_plain_text(tmp_path):
    found = ini(tmp_path)
    assert found.databases == ["EmoDB", "other"]
    assert found.database("EmoDB") == "./data/emodb"
    assert found.database("EmoDB", "split_strategy") == ["03", "08"]
    assert found.database("EmoDB", "mapping") == {"anger, fear": "negative"}
    assert found.database("other", "type") == "csv" and found.database("EmoDB", "type") is None
    assert found.get("DATA", "labels") == ["anger", "happiness"]
    assert found.get("MODEL", "c_val") == 10.0 and found.get("MODEL", "kernel") == "linear"
    assert found.get("MODEL", "class_weight") is True and found.get("EXP", "save") is False


def test_defaults_are_the_papers(tmp_path):
    found = ini(tmp_path, "[DATA]\n")
    for section, key, value in (
        ("MODEL", "batch_size", 8), ("MODEL", "drop", 0.1), ("MODEL", "max_duration", 8.0),
        ("MODEL", "push_to_hub", False), ("FEATS", "store_format", "pkl"), ("FEATS", "set", "eGeMAPSv02"),
        ("PLOT", "format", "png"), ("PLOT", "ccc", False), ("DATA", "target", "emotion"), ("DATA", "labels", None),
        ("EXP", "type", "classification"), ("EXP", "epochs", 1), ("MODEL", "k_val", 5), ("MODEL", "n_estimators", 100),
        ("MODEL", "max_depth", 6), ("MODEL", "gmm_components", 4), ("MODEL", "gmm_covariance_type", "full"),
    ):  # fmt: skip
        assert found.get(section, key) == value, key
    assert found.database("x", "test_size") == 20 and found.database("x", "split_strategy") == "speaker_split"


def test_every_default_passes_its_own_check(tmp_path):
    for section, keys in SECTIONS.items():
        for key, known in keys.items():
            if known.default is not None and section != "DATA":
                assert ini(tmp_path, f"[{section}]\n{key} = {known.default!r}\n").get(section, key) == known.default
    for key, known in DATABASE_KEYS.items():
        if known.default is not None:
            text = f"[DATA]\ndatabases = ['d']\nd = x\nd.{key} = {known.default!r}\n"
            assert ini(tmp_path, text).database("d", key) == known.default


@pytest.mark.parametrize(
    "line, place, message",
    [
        ("[MODLE]\ntype = svm", 1, r"unknown or unsupported section \(did you mean MODEL\?\)"),
        ("[MODEL]\ntpye = svm", 2, r"key tpye \(did you mean type\?\)"),
        ("[MODEL]\n\nanim_progression = 1", 3, "unknown or unsupported key anim_progression"),
        ("[MODEL]\ntype = smv", 2, r"value 'smv' \(did you mean sv"),
        ("[FEATS]\ntype = ['functional']", 2, r"did you mean functionals\?"),
        ("[FEATS]\ntype = ['trill']", 2, "unknown or unsupported value 'trill'"),
        ("[EXP]\nepochs = many", 2, "expected a whole number, got 'many'"),
        ("[EXP]\nepochs = 1.5", 2, "expected a whole number"),
        ("[EXP]\nsave = perhaps", 2, "expected True or False"),
        ("[MODEL]\nlearning_rate = fast", 2, "expected a number"),
        ("[DATA]\ndatabases = ['a']\na = x\na.splitstrategy = train", 4, r"did you mean split_strategy\?"),
        ("[DATA]\ndatabases = ['a']\na = x\na.mapping = anger", 4, "expected a dictionary"),
        ("[DATA]\ndatabases = ['a']\nb = x", 3, "unknown or unsupported key b"),
        ("[DATA]\ndatabases = ['a']", 2, "database a has no path"),
        ("[DATA]\nallow_leak = ['speakers']", 2, r"did you mean shared_speakers\?"),
        ("type = svm", 1, "expected a section such as"),
        ("[MODEL]\n = svm", 2, "expected `key = value`"),
        ("[MODEL]\ntype = svm\ntype = knn", 3, "type is there twice"),
        ("[MODEL]\ntype = svm\n[MODEL]\n", 3, r"\[MODEL\] is there twice"),
    ],
)
def test_what_is_odd_is_an_error_with_its_line(tmp_path, line, place, message):
    with pytest.raises(ValueError, match=rf"exp\.ini:{place}: .*{message}"):
        ini(tmp_path, line + "\n")


def test_a_per_cent_sign_and_bad_bytes_are_explained(tmp_path):
    with pytest.raises(ValueError, match="write %% for a per cent sign"):
        ini(tmp_path, "[EXP]\nname = 5%\n")
    (tmp_path / "latin.ini").write_bytes(b"[EXP]\nname = caf\xe9\n")
    with pytest.raises(ValueError, match="latin.ini:2: byte 0xe9 is not UTF-8"):
        ExperimentIni(tmp_path / "latin.ini")


def test_nothing_is_evaluated(tmp_path):
    found = ini(tmp_path, "[MODEL]\ngamma = __import__('os').getcwd()\n")
    assert found.get("MODEL", "gamma") == "__import__('os').getcwd()"


def test_values_to_search(tmp_path):
    found = ini(tmp_path, "[MODEL]\ntuning_params = ['C_val', 'kernel']\nC_val = [1, 10]\nkernel = rbf\n")
    assert found.tuned() == ["c_val", "kernel"] and found.tuning_values("c_val") == [1, 10]
    with pytest.raises(ValueError, match="exp.ini:4: .*expected a list of values to search, got 'rbf'"):
        found.tuning_values("kernel")
    with pytest.raises(ValueError, match="gamma has no values"):
        found.tuning_values("gamma")


def test_keys_without_effect_are_told(tmp_path):
    text = "[PLOT]\nbest_model = True\n[FEATS]\nstore_format = csv\nprint_feats = False\n"
    told = [line.split(": ")[1] for line in ini(tmp_path, text).kept_keys()]
    assert told == ["[FEATS] store_format", "[PLOT] best_model"]


def test_root_folders_add_keys_of_databases(tmp_path):
    (tmp_path / "roots.ini").write_text("[DATA]\na = /elsewhere\na.type = kaldi\n")
    found = ini(tmp_path, "[DATA]\nroot_folders = roots.ini\ndatabases = ['a']\n")
    assert found.database("a") == "/elsewhere" and found.database("a", "type") == "kaldi"
    (tmp_path / "roots.ini").write_text("[EXP]\nroot = x\n")
    with pytest.raises(ValueError, match=r"expected the one section \[DATA\], got EXP"):
        ini(tmp_path, "[DATA]\nroot_folders = roots.ini\n")
    with pytest.raises(ValueError, match="exp.ini:2: .*no such file .*none.ini"):
        ini(tmp_path, "[DATA]\nroot_folders = none.ini\n")
