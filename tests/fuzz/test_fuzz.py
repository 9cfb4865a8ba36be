"""Hostile files: a short deterministic fuzz of every reader, and what the long ones found, each as its few bytes."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlib.io import streams
from speechlib.io.tables import RandomAccessTable, open_table, read_table

HERE = Path(__file__).resolve().parent


def test_every_reader_stands_some_damaged_files(tmp_path):
    """Each reader in a process of its own: no hang, no crash, no memory for what a header claims, nothing run."""
    command = [sys.executable, HERE / "run_fuzz.py", "--inputs", "25", "--keep", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-2].split()[0] == "all"


def refused(read: Callable[[], object], match: str, megabytes: int = 40, seconds: float = 10) -> None:
    """The reader raises a ValueError soon, and takes little memory before it does."""
    begun = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match):
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < seconds
    assert peak < megabytes << 20


def stored(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def varint(value: int) -> bytes:
    low = b""
    while value > 127:
        low += bytes([value & 127 | 128])
        value >>= 7
    return low + bytes([value])


def ark(path: str) -> object:
    return list(read_table(f"ark:{path}"))


def trials(path: str) -> object:
    from speechlib.io.trials import read_trials

    return read_trials(path)


def options(path: str) -> object:
    from speechlib.io.kaldi_conf import read_options

    return read_options(path)


def experiment(path: str) -> object:
    from speechlib.io.experiment_ini import ExperimentIni

    return ExperimentIni(path)


def onnx(path: str) -> object:
    from speechlib.io.onnx_tensors import read_onnx_tensors

    return read_onnx_tensors(path)


def safetensors(path: str) -> object:
    from speechlib.io.safetensors import read_safetensors

    return read_safetensors(path)


def audio(path: str) -> object:
    from speechlib.io.audio import read_audio

    return read_audio(path)


def label_csv(path: str) -> object:
    from speechlib.io.label_csv import read_label_csv

    return read_label_csv(path)


def plda(path: str) -> object:
    from speechlib.io.plda_files import read_plda

    return read_plda(path)


def extractor(path: str) -> object:
    from speechlib.io.ivector_models import read_extractor

    return read_extractor(path)


def mixture(path: str) -> object:
    from speechlib.io.gmm_models import read_full_gmm

    return read_full_gmm(path)


def waves(path: str) -> object:
    return list(read_table(f"ark:{path}", "wave"))


def script(path: str) -> object:
    return list(read_table(f"scp:{path}"))


def predictions(path: str) -> object:
    from speechlib.io.predictions import read_predictions

    return read_predictions(path)


def phones(path: str) -> object:
    from speechlib.io.phone_alignments import read_phones

    return read_phones(path)


def outcome(path: str) -> object:
    from speechlib.io.results import read_result

    return read_result(path)


LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)
)
REFERENCES = b"[EXP]\nv0 = x\n" + b"".join(b"v%d = %s\n" % (n, b"%%(v%d)s" % (n - 1) * 10) for n in range(1, 10))
HEADER = b'{"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}'
SHAPE = b'{"a": {"dtype": "F32", "shape": [%s], "data_offsets": [0, 0]}}' % b", ".join([b"9" * 4000] * 9)
TWICE = b"{%s}" % b", ".join(b'"%d": 1' % (n % 40000) for n in range(40001))

FOUND = {
    "negative columns": (ark, b"a \0BFM \4\0\0\0\0\4\xff\xff\xff\xff", "utterance 'a'.*shape"),
    "2^31 rows": (ark, b"a \0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f" + bytes(100), "truncated.*it is lost"),
    "2^31 integers": (ark, b"a \0B\4\xff\xff\xff\x7f", "truncated"),
    "a short fmt chunk": (waves, b"a RIFF\0\0\0\0WAVEfmt \2\0\0\0\1\0", "fmt chunk of 2 bytes"),
    "zero bytes in a script": (script, b"a b\0c.ark:5\n", "hostile:1:.*expected 'key rxfilename'"),
    "an archive for a script": (script, b"a \0BFM \4\0\0\0\0\4\0\0\0\0", "hostile:1:"),
    "one long word": (trials, b"a b\n" * 60000 + b"c" * 200000 + b" d\n", "hostile:60001: a word of 200000 bytes"),
    "one word much longer": (trials, b"a b\n" * 60000 + b"c" * 4000 + b" d\n", "hostile:60001: a word much longer"),
    "a line of a million words": (trials, b"a " * 1000000, "hostile:1: .*expected '<enrol> <test>"),
    "billion laughs": (options, LAUGHS, "hostile: its aliases"),
    "a list within itself": (options, b"a: &a [*a]\n", "hostile: its aliases"),
    "deep YAML": (options, b"a: " + b"[" * 20000, "hostile:1: .*brackets"),
    "a sequence in each other": (options, b"a:\n" + b"- " * 5000, "hostile: .*lists within lists"),
    "an object in YAML": (
        options, b"a: !!python/object/apply:os.system ['touch ran_code']\n", "hostile:1: .*constructor"
    ),
    "no integer in YAML": (options, b'a: !!int ""\n', "hostile: .*does not fit its type"),
    "no date in YAML": (options, b"a: 2001-99-99\n", "hostile: .*month"),
    "references in an INI": (experiment, REFERENCES, "hostile: its references make more than 65536"),
    "blanks in an INI": (experiment, b"[EXP]\na" + b" " * 100000 + b"b\n", "hostile:2: more than 256 blanks"),
    "sections times defaults": (
        experiment,
        b"[DEFAULT]\n" + b"".join(b"k%d=1\n" % n for n in range(2000)) + b"".join(b"[s%d]\n" % n for n in range(2000)),
        "hostile:2002: .*unknown or unsupported section",
    ),
    "a number for a name in ONNX": (onnx, b"\x3a\x0b\x2a\x09\x40" + varint(1 << 40), "hostile: no ONNX file"),
    "a name of 2^40 bytes": (onnx, b"\x3a\x08\x2a\x06\x42" + varint(1 << 40), "hostile: no ONNX file"),
    "a type that is a list": (safetensors, len(HEADER).to_bytes(8, "little") + HEADER + bytes(4), "tensor a: type"),
    "a shape without end": (safetensors, len(SHAPE).to_bytes(8, "little") + SHAPE, "hostile: tensor a: "),
    "names of tensors twice": (safetensors, len(TWICE).to_bytes(8, "little") + TWICE, "'0' is there twice"),
    "a header of 2^62 bytes": (safetensors, (1 << 62).to_bytes(8, "little"), "hostile: the header is said to have"),
    "a SPHERE header of 100 MB": (audio, b"NIST_1A\n99999999\nend_head\n", "within its SPHERE header"),
    "samples beyond the file": (
        audio,
        b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\x70" + bytes(10),
        "promises 939524096 samples, 5 are there",
    ),
    "a hundred thousand columns": (label_csv, b"," * 100000 + b"\n", "hostile:1: the column '' is there twice"),
    "a hundred thousand names of columns": (
        label_csv,
        b",".join(b"c%d" % n for n in range(50000)) + b"\n",
        "hostile:1: there is no column 'file'",
        100,
    ),
    "a field beyond csv's limit": (
        predictions, b"file,truth,predicted\n" + b"a" * 200000 + b",b,c\n", "hostile:2: not a CSV"
    ),
    "Latin-1": (phones, b"utt\xe9 1 0 0.5 a\n", "hostile:1: byte 0xe9 is not UTF-8"),
    "deep JSON": (outcome, b"[" * 100000, "hostile: not JSON of ours"),
    "a packed matrix in a PLDA": (
        plda, b"\0B<Plda> FP \4\1\0\0\0\0\0\0\0FP \4\0\0\0\0FP \4\0\0\0\0</Plda> ", "hostile: not a PLDA"
    ),
    "an array for the end of a PLDA": (plda, b"<Plda> [ 1 2 ]\n", "hostile: not a PLDA"),
    "infinitely many Gaussians": (
        extractor, b"<IvectorExtractor> <w> [ ]\n<w_vec> [ 1 ]\n<M> inf ", "inf where a whole number"
    ),
    "a mixture of nothing": (
        mixture, b"<FullGMM> <WEIGHTS> [ ]\n<MEANS_INVCOVARS> [ ]\n<INV_COVARS> </FullGMM> ", "hostile: 0 weights"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read, data, match, *megabytes = FOUND[name]
    (tmp_path / "hostile").write_bytes(data)
    refused(lambda: read(str(tmp_path / "hostile")), match, *megabytes)
    assert not (tmp_path / "ran_code").exists()


def test_a_compressed_matrix_of_many_columns_takes_no_table_for_each(tmp_path):
    """Two rows of 2^18 columns are 2.6 MB in the file; the tables of codes of all columns would be 600 MB."""
    columns = 1 << 18
    header = np.array([0, 1], "<f4").tobytes() + np.array([2, columns], "<i4").tobytes()
    quantiles = np.tile(np.array([0, 16384, 49152, 65535], "<u2"), columns).tobytes()
    codes = np.tile(np.array([0, 255], np.uint8), columns).tobytes()
    (tmp_path / "wide.ark").write_bytes(b"a \0BCM " + header + quantiles + codes)
    tracemalloc.start()
    ((_, matrix),) = read_table(f"ark:{tmp_path}/wide.ark")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (matrix[0] == 0).all() and np.allclose(matrix[1], 1)
    assert peak < 60 << 20


def test_a_command_in_a_database_is_a_file_that_is_not_there(tmp_path, monkeypatch):
    """A database can hold a file of a name that wav.scp would run."""
    from speechlib.io.sample_sources import read_audformat_database

    monkeypatch.chdir(tmp_path)
    (tmp_path / "touch ran_code | ").touch()
    (tmp_path / "db.yaml").write_text("tables: {t: {type: filewise, columns: {emotion: {}}}}\n")
    (tmp_path / "db.t.csv").write_text("file,emotion\ntouch ran_code | ,joy\n")
    with pytest.raises(ValueError, match="1 audio files are not there"):
        read_audformat_database("x", ".", target="emotion", tables={})
    assert not (tmp_path / "ran_code").exists()


class Code:
    """An object whose unpickling runs a command."""

    def __reduce__(self):
        import os

        return os.system, ("touch ran_code",)


def test_weights_run_nothing_and_inflate_to_nothing(tmp_path, monkeypatch):
    import torch

    from speechlib.io.checkpoints import load_state
    from speechlib.io.self_supervised_weights import read_weights

    monkeypatch.chdir(tmp_path)
    good = io.BytesIO()
    torch.save({"w": torch.ones(4)}, good)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    bomb = {name: bytes(50 << 20) if name.endswith("data/0") else data for name, data in members.items()}
    # The size (4,) becomes (2^30,), its stride (1,) becomes (0,).
    larger = ((b"K\4\x85", b"J\0\0\0\x40\x85"), (b"K\1\x85", b"K\0\x85"))
    claims = dict(members)
    for old, new in larger:
        claims = {name: data.replace(old, new) for name, data in claims.items()}
    assert claims != members
    hostile = {"bomb": stored(bomb, zipfile.ZIP_DEFLATED), "claims": stored(claims)}
    for name, data in hostile.items():
        Path(name).write_bytes(data)
    torch.save({"w": Code()}, "code")
    torch.save({"w": Code()}, "old", _use_new_zipfile_serialization=False)
    for name, match in (("bomb", "compressed"), ("claims", "claims more numbers"), ("code", "more than tensors"),
                        ("old", "before 2020")):  # fmt: skip
        refused(lambda name=name: load_state(name), f"^{name}: .*{match}")
        with pytest.raises(ValueError, match=f"^{name}: "):
            read_weights(name)
    assert not Path("ran_code").exists()


def test_estimators_run_nothing_and_inflate_to_nothing(tmp_path, monkeypatch):
    skops = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import FunctionTransformer

    from speechlib.io.trait_models import read_trait_model

    monkeypatch.chdir(tmp_path)
    Path("about.json").write_text("{}")
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    packed = skops.dumps(estimator, compression=zipfile.ZIP_DEFLATED)
    for data, match in ((packed, "compressed"), (skops.dumps(FunctionTransformer(exec)), "exec")):
        Path("estimator.skops").write_bytes(data)
        with pytest.raises(ValueError, match=match):
            read_trait_model(".")


@pytest.mark.parametrize("child", [0, 1 << 30])
def test_a_tree_that_leads_nowhere_is_not_loaded(child, tmp_path):
    """Compiled code would read beyond the nodes, or go round for ever."""
    skops = pytest.importorskip("skops.io")
    from sklearn.tree import DecisionTreeClassifier

    from speechlib.io.trait_models import read_trait_model, write_trait_model

    features, classes = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    write_trait_model(tmp_path, {}, [DecisionTreeClassifier(max_depth=2).fit(features, classes)])
    assert read_trait_model(tmp_path)[1][0].predict(features[:1]) in (0, 1)
    path = tmp_path / "estimator.skops"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, data in members.items():
        if name.endswith(".npy") and b"left_child" in data:
            nodes = np.load(io.BytesIO(data)).copy()
            nodes["left_child"][0] = nodes["right_child"][0] = child
            changed = io.BytesIO()
            np.save(changed, nodes)
            members[name] = changed.getvalue()
    path.write_bytes(stored(members))
    assert skops.get_untrusted_types(file=path)
    with pytest.raises(ValueError, match="a branch that leads nowhere"):
        read_trait_model(tmp_path)


def test_a_support_vector_machine_of_too_many_vectors_is_refused():
    from sklearn.svm import SVC

    from speechlib.io.estimator_checks import check_estimator

    machine = SVC().fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 3)
    check_estimator([machine])
    machine._n_support = machine._n_support + np.int32(1)
    with pytest.raises(ValueError, match="do not fit together"):
        check_estimator([machine])


def test_kept_features_that_are_damaged_or_packed_are_not_there(tmp_path):
    from speechlib.io.feature_store import FeatureStore

    store = FeatureStore(tmp_path, "kind", {})
    store.write({"k1": np.ones((2, 3), np.float32), "k2": np.zeros((1, 3), np.float32)})
    assert store.read(["k1"])["k1"].shape == (2, 3)
    (shard,) = store.folder.glob("*.npz")
    with zipfile.ZipFile(shard) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    rows = io.BytesIO()
    np.save(rows, np.array([2, 5]))
    for changed in ({**members, "rows.npy": rows.getvalue()}, {**members, "values.npy": b"\x93NUMPY\1\0\5\0('('("}):
        shard.write_bytes(stored(changed))
        assert store.read(["k1", "k2"]) == {}
    shard.write_bytes(stored(members, zipfile.ZIP_DEFLATED))
    assert store.read(["k1", "k2"]) == {}


ARCHIVES = {
    kind: st.lists(strategy, min_size=1, max_size=6)
    for kind, strategy in {
        "matrix": st.tuples(st.integers(1, 4), st.integers(1, 4)).map(
            lambda shape: np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
        ),
        "vector": st.lists(st.floats(-9, 9, width=16), min_size=1, max_size=5).map(lambda v: np.array(v, np.float32)),
        "int_vector": st.lists(st.integers(-9, 9), max_size=5).map(lambda values: np.array(values, np.int32)),
        "tokens": st.lists(st.text("abcö", min_size=1, max_size=3), max_size=4),
    }.items()
}


def same(one: list, other: list) -> bool:
    return len(one) == len(other) and all(
        key == also and np.array_equal(value, copy) for (key, value), (also, copy) in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_pipe_gives_the_same_wherever_it_is_cut_into_pieces(kind, tmp_path_factory):
    """What arrives byte by byte, or in pieces of any size, is what a file holds: in binary and in text."""
    path = tmp_path_factory.mktemp("ark") / "a"

    @settings(max_examples=25)
    @given(ARCHIVES[kind], st.booleans(), st.integers(1, 40))
    def check(values, binary, chunk):
        with open_table(f"{'ark' if binary else 'ark,t'}:{path}") as table:
            for number, value in enumerate(values):
                table.write(f"utt{number}", value)
        whole = list(read_table(f"ark:{path}", kind))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(streams, "_CHUNK", chunk)
            window = streams._StreamWindow(io.BufferedReader(io.BytesIO(path.read_bytes()), chunk))
            pieces = list(streams.Archive("-", window).records(kind, False))
        assert same(whole, pieces)
        by_key = RandomAccessTable(f"ark:{path}", kind)
        assert same(whole, [(key, by_key[key]) for key in by_key])

    check()


@pytest.mark.parametrize("binary", [True, False])
def test_an_archive_cut_at_any_byte_gives_its_whole_utterances_or_names_the_lost(binary, tmp_path):
    """In order, what was read before the error is right; by a script, the message has all that are lost."""
    path, scp = tmp_path / "a.ark", tmp_path / "a.scp"
    values = {f"utt{number}": np.full((2, number + 1), number, np.float32) for number in range(4)}
    with open_table(f"{'ark,scp' if binary else 'ark,t,scp'}:{path},{scp}") as table:
        for key, value in values.items():
            table.write(key, value)
    data = path.read_bytes()
    offsets = [int(line.rpartition(":")[2]) for line in scp.read_text().splitlines()]
    ends = [*(offset - 5 for offset in offsets[1:]), len(data)]
    for size in range(len(data)):
        path.write_bytes(data[:size])
        num_whole = sum(end <= size + (not binary) for end in ends)  # the line end of a text matrix is no loss
        read, error = [], None
        try:
            for key, value in read_table(f"ark:{path}", "matrix"):
                read.append((key, value))
        except ValueError as caught:
            error = str(caught)
        assert same(read, list(values.items())[:num_whole])
        if error:
            assert str(path) in error and ("it is lost, and all that followed it" in error)
        if num_whole == len(values):
            continue
        with pytest.raises(ValueError, match=str(path)) as refusal:
            list(read_table(f"scp:{scp}", "matrix"))
        if binary:
            lost = ", ".join(list(values)[num_whole:])
            assert f"of its 4 utterances {4 - num_whole} are lost ({lost})" in str(refusal.value)
