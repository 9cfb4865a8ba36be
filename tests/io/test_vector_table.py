"""Tables of vectors read at once: the quick way and the slow way give the same, and name what is wrong."""

import numpy as np
import pytest

from speechlib.io import vector_table
from speechlib.io.map_tables import read_count_map, read_list_map, read_word_map
from speechlib.io.plda_files import read_plda, write_plda
from speechlib.io.tables import open_table
from speechlib.io.trial_rows import trial_rows
from speechlib.io.trials import read_trials
from speechlib.io.vector_table import read_vectors

VALUES = np.random.default_rng(2).standard_normal((40, 7)).astype(np.float32)
KEYS = [f"utt{'-' * (number % 5)}{number}" for number in range(40)]


@pytest.fixture
def folder(tmp_path):
    """The vectors as two archives with a script, as one in text, and as one in double precision."""
    script = ""
    for part in (0, 1):
        with open_table(f"ark,scp:{tmp_path}/{part}.ark,{tmp_path}/{part}.scp") as writer:
            for key, vector in list(zip(KEYS, VALUES, strict=True))[part * 20 : part * 20 + 20]:
                writer.write(key, vector)
        script += (tmp_path / f"{part}.scp").read_text()
    (tmp_path / "all.scp").write_text(script)
    for name, specifier, dtype in (("text", "ark,t", np.float32), ("double", "ark", np.float64)):
        with open_table(f"{specifier}:{tmp_path}/{name}") as writer:
            for key, vector in zip(KEYS, VALUES.astype(dtype), strict=True):
                writer.write(key, vector)
    return tmp_path


@pytest.mark.parametrize(
    "table", ["scp:{}/all.scp", "ark:cat {0}/0.ark {0}/1.ark |", "ark:{}/text", "ark:{}/double", "scp,s,cs:{}/all.scp"]
)
def test_every_form_is_read(folder, table):
    if ",s" in table:
        lines = sorted((folder / "all.scp").read_text().splitlines(), key=lambda line: line.split()[0].encode())
        (folder / "all.scp").write_text("".join(f"{line}\n" for line in lines))
    found = read_vectors(table.format(folder))
    order = sorted(range(40), key=KEYS.__getitem__) if ",s" in table else range(40)
    assert found.keys == [KEYS[index] for index in order] and found.dim == 7 and len(found) == 40
    np.testing.assert_allclose(found.values, VALUES[list(order)], rtol=1e-6)
    assert found.values.dtype == (np.float64 if "double" in table else np.float32)
    assert found.rows()[KEYS[3]] == found.keys.index(KEYS[3])


def test_quick_and_slow_agree_and_the_quick_one_is_used(folder):
    for table in (f"scp:{folder}/all.scp", f"ark:{folder}/0.ark"):
        quick = vector_table._read_quickly(table)
        slow = vector_table._read_one_by_one(table)
        assert quick is not None and quick[0] == slow[0]
        np.testing.assert_array_equal(quick[1], slow[1])


def test_what_the_quick_way_leaves_to_the_slow_one(folder):
    for table in (f"ark:{folder}/text", f"ark:{folder}/double", f"scp,p:{folder}/all.scp", f"ark:{folder}/none"):
        assert vector_table._read_quickly(table) is None


def test_bad_tables_name_the_key(folder):
    def table(name, *vectors):
        with open_table(f"ark,scp:{folder}/{name},{folder}/{name}.scp") as writer:
            for index, vector in enumerate(vectors):
                writer.write(f"u{index}", np.array(vector, np.float32))
        return f"ark:{folder}/{name}"

    with pytest.raises(ValueError, match="'u1' holds NaN"):
        read_vectors(table("nan", [1, 2], [1, np.nan]))
    with pytest.raises(ValueError, match="'u0' holds NaN or inf"):
        read_vectors(table("inf", [1, np.inf]))
    for kind in ("ark", "scp"):
        name = table("dims", [1, 2], [1, 2, 3]) if kind == "ark" else f"scp:{folder}/dims.scp"
        with pytest.raises(ValueError, match="'u1' has dimension 3, that of 'u0' 2"):
            read_vectors(name)
    with pytest.raises(ValueError, match="no vector"):
        read_vectors(table("empty"))
    with pytest.raises(ValueError, match="empty vectors"):
        read_vectors(table("zero", []))
    (folder / "twice").write_bytes((folder / "0.ark").read_bytes() * 2)
    with pytest.raises(ValueError, match="'utt0' is there twice"):
        read_vectors(f"ark:{folder}/twice")
    data = (folder / "0.ark").read_bytes()
    (folder / "cut").write_bytes(data[:-3])
    with pytest.raises(ValueError, match="cut.*truncated"):
        read_vectors(f"ark:{folder}/cut")
    with pytest.raises(OSError):
        read_vectors(f"ark:{folder}/none")


def test_maps_from_files_and_specifiers(tmp_path):
    (tmp_path / "m").write_text("a x\nb y\n")
    (tmp_path / "l").write_text("s a b\nt c\n")
    for source in (f"{tmp_path}/m", f"ark:{tmp_path}/m", f"ark,t:cat {tmp_path}/m |"):
        assert read_word_map(source) == {"a": "x", "b": "y"}
    for source in (f"{tmp_path}/l", f"ark:{tmp_path}/l", f"ark:cat {tmp_path}/l |"):
        assert read_list_map(source) == {"s": ["a", "b"], "t": ["c"]}
    with open_table(f"ark:{tmp_path}/binary") as writer:
        writer.write("a", 3)
    assert read_count_map(f"ark:{tmp_path}/binary") == {"a": 3}
    (tmp_path / "n").write_text("a 2\nb 0\n")
    with pytest.raises(ValueError, match="'b' is 0"):
        read_count_map(f"{tmp_path}/n")
    (tmp_path / "n").write_text("a two\n")
    with pytest.raises(ValueError, match="'two': expected one int"):
        read_count_map(f"{tmp_path}/n")
    with pytest.raises(ValueError, match="there twice"):
        read_word_map(f"ark:cat {tmp_path}/m {tmp_path}/m |")
    with pytest.raises(ValueError, match="there twice"):
        read_count_map("ark:echo a 1; echo a 1 |")


def test_rows_of_trials(folder, tmp_path):
    table = read_vectors(f"scp:{folder}/all.scp")
    (tmp_path / "trials").write_text(f"{KEYS[3]} {KEYS[9]}\n{KEYS[3]} x\nz {KEYS[9]}\ny x\n")
    with pytest.raises(ValueError, match=r"trials:3: no enrolment vector of 'z' .* 2 of 4 trials"):
        trial_rows(read_trials(f"{tmp_path}/trials"), table, table)
    (tmp_path / "trials").write_text(f"{KEYS[3]} {KEYS[9]}\n{KEYS[3]} x\n")
    with pytest.raises(ValueError, match=r"trials:2: no test vector of 'x' .* 1 of 2 trials"):
        trial_rows(read_trials(f"{tmp_path}/trials"), table, table)
    (tmp_path / "trials").write_text(f"{KEYS[30]} {KEYS[9]}\n{KEYS[3]} {KEYS[9]}\n")
    enrol, test = trial_rows(read_trials(f"{tmp_path}/trials"), table, table)
    assert enrol.tolist() == [30, 3] and test.tolist() == [9, 9]


def test_plda_files(tmp_path):
    mean, transform, psi = np.arange(2.0), np.array([[1.0, 2], [3, 4]]), np.array([2.0, 1])
    for binary in (True, False):
        write_plda(f"{tmp_path}/p", mean, transform, psi, binary)
        for ours, theirs in zip(read_plda(f"{tmp_path}/p"), (mean, transform, psi), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    write_plda(f"{tmp_path}/one", mean[:1], transform[:1, :1], psi[:1], False)  # its transform is read as packed or not
    assert read_plda(f"{tmp_path}/one")[1].shape == (1, 1)
    for bad, message in (
        ((mean, transform, psi[:1]), "dimensions must agree"),
        ((mean, transform, -psi), "negative"),
        ((mean * np.nan, transform, psi), "not finite"),
    ):
        write_plda(f"{tmp_path}/p", *bad)
        with pytest.raises(ValueError, match=message):
            read_plda(f"{tmp_path}/p")
    (tmp_path / "p").write_text("<DiagGMM> [ 1 ]\n</DiagGMM> ")
    with pytest.raises(ValueError, match="not a PLDA"):
        read_plda(f"{tmp_path}/p")


@pytest.mark.parametrize("odd", [None, 0, 2, 5, 9, 10, 11, 29])
def test_runs_of_keys_of_one_length(tmp_path, monkeypatch, odd):
    """Keys of one length are found without a loop, until one (number `odd`) is longer."""
    monkeypatch.setattr(vector_table, "_RUN", 10)
    keys = [f"u{number:02d}" + "x" * (number == odd) for number in range(30)]
    with open_table(f"ark:{tmp_path}/a") as writer:
        for key, vector in zip(keys, VALUES, strict=False):
            writer.write(key, vector)
    found = read_vectors(f"ark:{tmp_path}/a")
    assert found.keys == keys
    np.testing.assert_array_equal(found.values, VALUES[:30])
    (tmp_path / "cut").write_bytes((tmp_path / "a").read_bytes()[:-5])
    with pytest.raises(ValueError, match="truncated"):
        read_vectors(f"ark:{tmp_path}/cut")
