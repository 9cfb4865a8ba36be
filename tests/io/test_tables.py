"""Archives and scripts: Kaldi's own files, other readers, crash safety, damage, and round trips."""

import gzip
import os
import pickle
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from speechlib.io import specifiers, streams
from speechlib.io.ark import encode
from speechlib.io.tables import (
    RandomAccessTable,
    open_table,
    read_matrix,
    read_table,
    read_vector,
    write_matrix,
    write_vector,
)

MATRICES = {f"utt{i:02d}": np.random.default_rng(i).standard_normal((i, 3)).astype(np.float32) for i in range(1, 30)}


def as_text(items):
    return b"".join(key.encode() + b" " + b"".join(encode(value, binary=False)) for key, value in items)


def twin(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.fixture
def in_golden(golden, monkeypatch):
    monkeypatch.chdir(golden)
    return golden


@pytest.fixture
def table(tmp_path):
    with open_table(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp") as writer:
        for key, matrix in MATRICES.items():
            writer.write(key, matrix)
    return tmp_path


@pytest.mark.parametrize(
    ("rspecifier", "text"),
    [
        ("ark:io/mfcc_raw.ark", "feats/mfcc_vox2_30.txt.gz"),
        ("scp:io/mfcc_raw.scp", "feats/mfcc_vox2_30.txt.gz"),
        ("ark:io/mfcc_compressed.ark", "io/mfcc_compressed.txt.gz"),
        ("scp,o,cs:io/mfcc_compressed.scp", "io/mfcc_compressed.txt.gz"),
        ("ark:cat io/mfcc_compressed.ark |", "io/mfcc_compressed.txt.gz"),
        ("ark:io/mfcc_method2.ark", "io/mfcc_method2.txt.gz"),
        ("ark:io/mfcc_method3.ark", "io/mfcc_method3.txt.gz"),
        ("ark:io/mfcc_method4.ark", "io/mfcc_method4.txt"),
        ("ark:io/mfcc_method5.ark", "io/mfcc_method5.txt.gz"),
        ("ark:io/mfcc_method6.ark", "io/mfcc_method6.txt"),
        ("ark:io/mfcc_method7.ark", "io/mfcc_method7.txt"),
        ("ark:io/float_vector.ark", "vad/vad_from_compressed.txt"),
        ("ark:io/int_vector.ark", "io/int_vector.txt"),
        ("scp:grep spkC-short io/mfcc_raw.scp | sed s/$/[1:4,0:2]/ |", "io/scp_range_1_4__0_2.txt"),
        ("ark,t:gunzip -c io/mfcc_compressed.txt.gz |", "io/mfcc_compressed.txt.gz"),
        ("b,ark:vad/vad.txt", "vad/vad.txt"),
    ],
)
def test_golden_files_equal_their_text_twins(in_golden, rspecifier, text):
    assert as_text(read_table(rspecifier)) == twin(in_golden / text)


def test_golden_double_matrices(in_golden):
    text = dict(read_table("ark:cmvn/cmvn_spk.txt"))
    for rspecifier in ("ark:cmvn/cmvn_spk.ark", "scp:cmvn/cmvn_spk.scp"):
        binary = dict(read_table(rspecifier, "matrix"))
        assert binary.keys() == text.keys()
        for key, matrix in binary.items():
            assert matrix.dtype == np.float64
            np.testing.assert_allclose(matrix, text[key], rtol=1e-6)


def test_golden_single_objects(in_golden):
    np.testing.assert_allclose(read_matrix("plda/lda.mat"), read_matrix("plda/lda.txt"), rtol=1e-6)
    assert read_matrix("plda/lda.mat[0:3,32:32]").shape == (4, 1)
    np.testing.assert_array_equal(read_vector("plda/mean.vec"), read_vector("cat plda/mean.txt |"))
    with pytest.raises(ValueError, match=r"lda\.mat: offset 0: holds a matrix"):
        read_vector("plda/lda.mat")


def test_golden_numbers_words_and_waves(in_golden):
    lengths = dict(read_table("ark,t:io/utt2num_frames", "int"))
    assert lengths == {key: len(matrix) for key, matrix in read_table("ark:io/mfcc_raw.ark")}
    assert dict(read_table("ark:io/utt2dur", "float"))["spkC-tiny"] == 0.0249375
    assert dict(read_table("ark:spk2utt", "tokens"))["spkC"] == ["spkC-short", "spkC-tiny"]
    assert dict(read_table("ark:utt2spk", "token"))["spkB-utt2"] == "spkB"
    durations = dict(read_table("ark:io/segments_dur", "float"))
    for key, (rate, samples) in read_table("ark:io/segments_wav.ark", "wave"):
        assert rate == 16000 and samples.dtype == np.int16
        assert len(samples) / rate == pytest.approx(durations.pop(key))
    assert not durations
    for _, (rate, samples) in read_table("scp:wav.scp", "wave"):
        assert rate == 16000 and samples.size


def test_random_access_to_golden_files(in_golden):
    for name in ("mfcc_raw", "mfcc_compressed"):
        expected = dict(read_table(f"ark:io/{name}.ark"))
        tables = [RandomAccessTable(f"scp:io/{name}.scp"), RandomAccessTable(f"ark:io/{name}.ark")]
        for table in [*tables, RandomAccessTable(f"ark:cat io/{name}.ark |")]:
            assert list(table) == list(expected) and len(table) == 6
            for key in reversed(list(expected)):
                np.testing.assert_array_equal(table[key], expected[key])
            assert "spkZ" not in table
            with pytest.raises(KeyError):
                table["spkZ"]
    assert RandomAccessTable("ark:vad/vad.txt")["spkC-tiny"].shape == (2,)
    assert RandomAccessTable("ark:spk2utt", "tokens")["spkC"] == ["spkC-short", "spkC-tiny"]


values = st.one_of(
    hnp.arrays(st.sampled_from([np.float32, np.float64]), hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
               elements=st.floats(-1e6, 1e6, width=32)),
    hnp.arrays(st.sampled_from([np.float32, np.float64]), st.integers(0, 30), elements=st.floats(width=32)),
    hnp.arrays(np.int32, st.integers(0, 30)),
)  # fmt: skip
tables = st.dictionaries(st.text("abcäö語._-<>0123", min_size=1, max_size=9), values, max_size=6)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=tables, compression=st.sampled_from([None, True, 3]), binary=st.booleans())
@example(data={"0": np.array([], dtype=np.int32)}, compression=None, binary=False)  # an empty line ends the file
def test_round_trip(tmp_path, data, compression, binary):
    option = "" if binary else ",t"
    arrays_only = compression is not None
    data = {key: value for key, value in data.items() if value.ndim == 2 or not arrays_only}
    with open_table(f"ark,scp{option}:{tmp_path}/x.ark,{tmp_path}/x.scp", compression) as writer:
        for key, value in data.items():
            writer.write(key, value)
    by_key = RandomAccessTable(f"scp:{tmp_path}/x.scp")
    readings = [
        dict(read_table(f"ark:{tmp_path}/x.ark")),
        dict(read_table(f"scp:{tmp_path}/x.scp")),
        dict(read_table(f"ark:cat {tmp_path}/x.ark |")),
        {key: by_key[key] for key in by_key},
        dict(RandomAccessTable(f"ark:{tmp_path}/x.ark")),
    ]
    for found in readings:
        assert list(found) == list(data)
        for key, value in data.items():
            if not binary and value.size == 0:
                assert found[key].size == 0  # text does not tell empty vectors from empty matrices
                continue
            assert found[key].shape == value.shape
            if binary and not arrays_only:
                assert found[key].dtype == value.dtype
                np.testing.assert_array_equal(found[key], value)
            elif not arrays_only:
                np.testing.assert_allclose(found[key], value, rtol=1e-6)
            else:
                np.testing.assert_array_equal(found[key], readings[0][key])


def test_kaldiio_reads_what_we_write(table):
    kaldiio = pytest.importorskip("kaldiio")
    extra = {"int": np.array([3, -4, 5], np.int32), "vec": np.array([1.5, 2]), "mat": np.eye(3), "f": np.ones(3, "f4")}
    with open_table(f"ark,scp:{table}/b.ark,{table}/b.scp") as writer:
        for key, value in extra.items():
            writer.write(key, value)
    theirs = dict(kaldiio.load_scp(f"{table}/a.scp")) | dict(kaldiio.load_scp(f"{table}/b.scp"))
    for key, value in (MATRICES | extra).items():
        assert theirs[key].dtype == value.dtype
        np.testing.assert_array_equal(theirs[key], value)
    with open_table(f"ark,t:{table}/t.ark") as writer:
        for key, matrix in MATRICES.items():
            writer.write(key, matrix)
    for key, matrix in kaldiio.load_ark(f"{table}/t.ark"):
        np.testing.assert_allclose(matrix, MATRICES[key], rtol=1e-6)


def test_we_read_what_kaldiio_writes(tmp_path):
    kaldiio = pytest.importorskip("kaldiio")
    methods = [{"compression_method": method} for method in (1, 2, 5)]
    for options in ({}, {"text": True}, *methods):
        kaldiio.save_ark(f"{tmp_path}/k.ark", MATRICES, scp=f"{tmp_path}/k.scp", **options)
        theirs = kaldiio.load_scp(f"{tmp_path}/k.scp")
        for key, matrix in read_table(f"scp:{tmp_path}/k.scp"):
            np.testing.assert_allclose(matrix, theirs[key], rtol=1e-5, atol=1e-5)


def test_native_kaldi_parses_our_text(table):
    kaldi_native_io = pytest.importorskip("kaldi_native_io")
    with open_table(f"ark,t:{table}/t.ark") as writer:
        for key, matrix in MATRICES.items():
            writer.write(key, matrix)
    with open_table(f"ark,t:{table}/v.ark") as writer:
        writer.write("v", np.array([1.5, -2, 1e-9]))
    with kaldi_native_io.SequentialFloatMatrixReader(f"ark:{table}/t.ark") as reader:
        for key, matrix in reader:
            np.testing.assert_allclose(np.array(matrix), MATRICES[key], rtol=1e-6)
    with kaldi_native_io.SequentialFloatVectorReader(f"ark:{table}/v.ark") as reader:
        np.testing.assert_allclose(np.array(next(iter(reader))[1]), [1.5, -2, 1e-9], rtol=1e-6)


def test_empty_compressed_matrix_as_kaldi_writes_it(tmp_path):
    matrix = b"\0BCM " + b"\0" * 20
    (tmp_path / "a.ark").write_bytes(b"a " + matrix + b"b " + matrix + b"c \0BFV \4\0\0\0\0")
    assert [(key, value.shape) for key, value in read_table(f"ark:{tmp_path}/a.ark")] == [
        ("a", (0, 0)),
        ("b", (0, 0)),
        ("c", (0,)),
    ]


def test_arrays_are_private_and_writable(tmp_path):
    big = np.ones((300, 30), np.float32)
    with open_table(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp") as writer:
        writer.write("a", big)
        writer.write("b", MATRICES["utt05"])
    before = (tmp_path / "a.ark").read_bytes()
    by_key = RandomAccessTable(f"scp:{tmp_path}/a.scp")
    for _ in range(2):
        for _, matrix in read_table(f"ark:{tmp_path}/a.ark"):
            matrix *= 2
        by_key["a"][:] = 0
        np.testing.assert_array_equal(by_key["a"], big)
    assert (tmp_path / "a.ark").read_bytes() == before


def test_archives_longer_than_a_window(tmp_path):
    generator = np.random.default_rng(0)
    lengths = [200_000, 5, 70_000, 1, 90_000, 300_000]
    with open_table(f"ark:{tmp_path}/a.ark") as writer:
        for index, length in enumerate(lengths):
            writer.write(f"u{index}", np.full((length, 20), index, np.float32))
            writer.write(f"v{index}", generator.standard_normal(7))
    for rspecifier in (f"ark:{tmp_path}/a.ark", f"ark:cat {tmp_path}/a.ark |"):
        found = [(key, value) for key, value in read_table(rspecifier)]
        assert [len(value) for key, value in found] == [n for length in lengths for n in (length, 7)]
        assert all((value == index // 2).all() for index, (_, value) in enumerate(found) if index % 2 == 0)


def test_scripts_with_pipes_and_ranges(table):
    lines = [
        f"a cat {table}/a.ark | tail -c +7 |",
        f"b {table}/a.ark:6[0:0,1:2]",
        f"c cat {table}/a.ark | tail -c +7 |[0:0]",
    ]
    (table / "b.scp").write_text("\n".join(lines))
    found = dict(read_table(f"scp:{table}/b.scp"))
    np.testing.assert_array_equal(found["a"], MATRICES["utt01"])
    np.testing.assert_array_equal(found["b"], MATRICES["utt01"][:, 1:])
    np.testing.assert_array_equal(found["c"], MATRICES["utt01"])
    assert RandomAccessTable(f"scp:{table}/b.scp")["b"].shape == (1, 2)


def test_writing_through_pipes(tmp_path):
    with open_table(f"ark:| gzip -c > {tmp_path}/a.gz") as writer:
        writer.write("a", MATRICES["utt03"])
    np.testing.assert_array_equal(dict(read_table(f"ark:gunzip -c {tmp_path}/a.gz |"))["a"], MATRICES["utt03"])
    with pytest.raises(OSError, match="failed with status 3"), open_table("ark:| cat > /dev/null; exit 3") as writer:
        writer.write("a", MATRICES["utt03"])
    with pytest.raises(OSError, match="failed with status 4"):
        list(read_table(f"ark:gunzip -c {tmp_path}/a.gz; exit 4 |"))


def test_script_says_where_each_object_goes(tmp_path):
    (tmp_path / "out.scp").write_text(f"a {tmp_path}/1.mat\nb {tmp_path}/2.mat\n")
    with open_table(f"scp,p:{tmp_path}/out.scp") as writer:
        for key in "abc":
            writer.write(key, MATRICES["utt02"])
    np.testing.assert_array_equal(read_matrix(f"{tmp_path}/2.mat"), MATRICES["utt02"])
    with pytest.raises(ValueError, match="no line for key 'c'"), open_table(f"scp:{tmp_path}/out.scp") as writer:
        writer.write("c", MATRICES["utt02"])


def test_single_objects(tmp_path):
    write_matrix(f"{tmp_path}/m", MATRICES["utt04"])
    write_matrix(f"{tmp_path}/t", MATRICES["utt04"], binary=False)
    write_vector(f"{tmp_path}/v", np.arange(3.0))
    np.testing.assert_array_equal(read_matrix(f"{tmp_path}/m"), MATRICES["utt04"])
    np.testing.assert_allclose(read_matrix(f"{tmp_path}/t"), MATRICES["utt04"], rtol=1e-6)
    np.testing.assert_array_equal(read_vector(f"{tmp_path}/v"), np.arange(3.0))
    for wrong in (lambda: write_matrix(f"{tmp_path}/x", np.zeros(3)), lambda: write_vector(f"{tmp_path}/x", np.eye(2))):
        with pytest.raises(ValueError, match="expected a"):
            wrong()
    assert sorted(os.listdir(tmp_path)) == ["m", "t", "v"]


def test_exception_leaves_nothing(tmp_path):
    (tmp_path / "a.scp").write_text("old\n")
    with pytest.raises(RuntimeError), open_table(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp") as writer:
        writer.write("a", MATRICES["utt03"])
        raise RuntimeError
    writer = open_table(f"ark:{tmp_path}/b.ark")
    writer.write("a", MATRICES["utt03"])
    del writer  # never closed
    assert os.listdir(tmp_path) == ["a.scp"]
    assert (tmp_path / "a.scp").read_text() == "old\n"


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_killed_writer_leaves_no_archive(tmp_path, root, signal):
    code = (
        "import sys, numpy as np; from speechlib.io.tables import open_table; from speechlib.io.cli import run\n"
        "def main():\n"
        "    with open_table(f'ark,scp:{sys.argv[1]}/a.ark,{sys.argv[1]}/a.scp') as writer:\n"
        "        writer.write('a', np.eye(300)); print('ready', flush=True); sys.stdin.read()\n"
        "run(main)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.kill() if signal == "KILL" else process.terminate()
    process.communicate()
    assert not {"a.ark", "a.scp"} & set(os.listdir(tmp_path))
    if signal == "TERM":
        assert os.listdir(tmp_path) == []


def test_keys_are_checked(tmp_path):
    with open_table(f"ark:{tmp_path}/a.ark") as writer:
        writer.write("a", MATRICES["utt03"])
        for key in ("", "a b", "a\n", " a"):
            with pytest.raises(ValueError, match="without spaces"):
                writer.write(key, MATRICES["utt03"])
        with pytest.raises(ValueError, match="twice"):
            writer.write("a", MATRICES["utt03"])
        with pytest.raises(ValueError, match="b: an array of shape"):
            writer.write("b", np.eye(3, dtype=int))
    assert list(dict(read_table(f"ark:{tmp_path}/a.ark"))) == ["a"]


@pytest.mark.parametrize("block", [1 << 20, 12])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x.ark:1\na x.ark:2\n", "bad.scp:2: key 'a' is already on line 1"),
        ("a x.ark:1\n\nb x.ark:2\n", "bad.scp:2: ''"),
        ("a x.ark:1\nb\n", "bad.scp:2: 'b'"),
        ("a x.ark:1\nb x.ark:2\nc x.ark:3\nb x.ark:4\nc x.ark:5", "bad.scp:4: key 'b' is already on line 2"),
    ],
)
def test_bad_scripts_name_the_line(tmp_path, monkeypatch, text, message, block):
    monkeypatch.setattr(specifiers, "_SCRIPT_BLOCK", block)
    (tmp_path / "bad.scp").write_text(text)
    for reader in (read_table, RandomAccessTable):
        with pytest.raises(ValueError) as error:
            list(reader(f"scp:{tmp_path}/bad.scp"))
        assert message in str(error.value)


def test_truncated_archives_name_file_key_and_offset(table):
    whole = (table / "a.ark").read_bytes()
    ends = [whole.index(b"utt%02d " % i) for i in range(1, 30)] + [len(whole)]
    (table / "cut.scp").write_text((table / "a.scp").read_text().replace("a.ark", "cut.ark"))
    for length in (ends[28] + 3, ends[28] + 6, ends[28] + 10, ends[28] + 21, len(whole) - 1):
        (table / "cut.ark").write_bytes(whole[:length])
        for rspecifier in (f"ark:{table}/cut.ark", f"ark:cat {table}/cut.ark |", f"scp:{table}/cut.scp"):
            found = []
            with pytest.raises(ValueError, match="cut.ark") as error:
                found.extend(key for key, _ in read_table(rspecifier))
            assert "offset" in str(error.value)
        if length > ends[28] + 6:
            assert "'utt29'" in str(error.value)
    with pytest.raises(ValueError, match="utt29"):
        RandomAccessTable(f"ark:{table}/cut.ark")
    for permissive in (f"ark,p:{table}/cut.ark", f"ark,p:cat {table}/cut.ark |"):
        assert [key for key, _ in read_table(permissive)] == list(MATRICES)[:-1]
    with pytest.warns(UserWarning, match="skipped"):
        assert len(dict(read_table(f"scp,p:{table}/cut.scp"))) == len(MATRICES) - 1
    assert "utt29" not in RandomAccessTable(f"scp,p:{table}/cut.scp")
    assert "utt28" in RandomAccessTable(f"scp,p:{table}/cut.scp")


def test_rubbish_is_no_archive(tmp_path):
    (tmp_path / "x").write_bytes(os.urandom(10_000))
    (tmp_path / "z").write_bytes(b"\0" * 10_000)
    (tmp_path / "offset.scp").write_text(f"a {tmp_path}/z:20000\n")
    for rspecifier in (f"ark:{tmp_path}/x", f"ark:{tmp_path}/z", f"scp:{tmp_path}/offset.scp"):
        with pytest.raises(ValueError, match=str(tmp_path)):
            list(read_table(rspecifier))
    (tmp_path / "empty").write_bytes(b"")
    assert list(read_table(f"ark:{tmp_path}/empty")) == []
    assert list(read_table("ark:true |")) == []
    with pytest.raises(FileNotFoundError):
        list(read_table(f"ark:{tmp_path}/none"))


def test_sorted_option(table):
    assert len(list(read_table(f"ark,s,cs:{table}/a.ark"))) == 29
    lines = (table / "a.scp").read_text().splitlines()
    (table / "r.scp").write_text("\n".join(reversed(lines)) + "\n")
    with pytest.raises(ValueError, match="LC_ALL=C"):
        list(read_table(f"scp,s:{table}/r.scp"))
    with pytest.raises(ValueError, match="LC_ALL=C"):
        RandomAccessTable(f"scp,s:{table}/r.scp")


@pytest.mark.parametrize(
    "text", ["feats.ark", "arc:x", "ark,scp:x", "ark,x:y", "ark:x ", "bg:x", "ark,f:x", "scp,ark:x", ":x"]
)
def test_bad_rspecifiers(text):
    with pytest.raises(ValueError, match="rspecifier"):
        list(read_table(text))


@pytest.mark.parametrize(
    "text", ["x.ark", "scp,ark:x,y", "ark,scp:x", "ark,scp:-,x", "ark,cs:x", "ark,scp:,y", "ark,ark:x", "t:x", "ark:x "]
)
def test_bad_wspecifiers(text):
    with pytest.raises(ValueError, match="wspecifier"):
        open_table(text)


def test_unknown_kind_and_option_are_named():
    with pytest.raises(ValueError, match="kind 'matrices'"):
        list(read_table("ark:x", "matrices"))
    with pytest.raises(ValueError, match="did you mean scp"):
        list(read_table("sc:x"))


def test_a_table_survives_pickling(table):
    by_key = RandomAccessTable(f"scp:{table}/a.scp")
    by_key["utt07"]
    again = pickle.loads(pickle.dumps(by_key))
    np.testing.assert_array_equal(again["utt07"], MATRICES["utt07"])


def test_many_archives_stay_within_the_descriptors(tmp_path):
    for index in range(150):
        write_matrix(f"{tmp_path}/{index}.mat", np.full((1, 1), index, np.float32))
    (tmp_path / "m.scp").write_text("".join(f"{index} {tmp_path}/{index}.mat\n" for index in range(150)))
    table = RandomAccessTable(f"scp:{tmp_path}/m.scp")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        assert [int(table[str(index)][0, 0]) for index in range(150)] == list(range(150))
    assert len(os.listdir("/proc/self/fd")) - before <= 64


def test_reads_that_jump_between_more_archives_than_are_mapped(tmp_path, monkeypatch):
    for name, value in (("_MAX_MAPS", 3), ("_GLANCE", 1 << 10), ("_MAX_GLANCE", 1 << 13)):
        monkeypatch.setattr(streams, name, value)
    values = {
        "float": np.arange(600, dtype=np.float32).reshape(30, 20),
        "double": np.arange(600.0).reshape(30, 20),
        "large": np.arange(1 << 12, dtype=np.float32).reshape(-1, 8),  # more than is read on its own
        "vector": np.arange(40, dtype=np.float32),
    }
    expected, entries = {}, {}
    for number in range(8):
        kind = "ark,t" if number == 7 else "ark"
        name = f"{tmp_path}/{number}"
        with open_table(f"{kind},scp:{name}.ark,{name}.scp") as writer:
            for what, value in values.items():
                expected[f"{what}-{number}"] = value + number
                writer.write(f"{what}-{number}", value + number)
        entries |= specifiers.read_script(f"{name}.scp")
        expected[f"part-{number}"] = values["float"][2:6] + number
        entries[f"part-{number}"] = entries[f"float-{number}"] + "[2:5]"
    cut = (tmp_path / "0.ark").read_bytes()[:-4]
    (tmp_path / "cut.ark").write_bytes(cut)
    keys = [*entries, "cut"]
    entries["cut"] = f"{tmp_path}/cut.ark:{len(cut) - 4 * 39 - 10}"
    (tmp_path / "all.scp").write_text("".join(f"{key} {entry}\n" for key, entry in entries.items()))
    table = RandomAccessTable(f"scp:{tmp_path}/all.scp")
    for key in random.Random(0).choices(keys, k=400):
        if key == "cut":
            with pytest.raises(ValueError, match=r"cut\.ark: utterance 'cut' at offset \d+: truncated"):
                table[key]
        else:
            np.testing.assert_array_equal(table[key], expected[key])


def test_long_script_opens_quickly(tmp_path):
    with open(tmp_path / "long.scp", "w") as file:
        file.writelines(f"speaker-utterance{i:07d} /data/feats.{i % 20}.ark:{i * 31}\n" for i in range(100_000))
    start = time.process_time()
    assert len(RandomAccessTable(f"scp:{tmp_path}/long.scp")) == 100_000
    assert time.process_time() - start < 2


def test_imports_are_light(root):
    code = "import sys, speechlib.io.tables; print({'torch', 'scipy', 'kaldiio', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_random_access_gives_memory_back(tmp_path, root):
    matrix = np.ones((40_000, 100), np.float32)
    with open_table(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp") as writer:
        for index in range(16):
            writer.write(f"u{index}", matrix)
    code = (
        "import sys, resource; from speechlib.io import streams; from speechlib.io.tables import RandomAccessTable\n"
        "streams._MAX_TOUCHED = 1 << 26\n"
        "table = RandomAccessTable(sys.argv[1]); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert all(table[key].sum() == 4e6 for key in table)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    command = [sys.executable, "-c", code, f"scp:{tmp_path}/a.scp"]
    added = int(subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True).stdout)
    assert added < 160  # MiB, of 244 MiB that were read


@pytest.mark.parametrize("options", ["ark", "ark,t"])
def test_rows_that_come_in_blocks_make_a_matrix(tmp_path, options):
    matrix = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    with open_table(f"{options}:{tmp_path}/blocks.ark") as writer:
        writer.write_rows("a", matrix.shape, (matrix[first : first + 4] for first in (0, 4, 8)))
        writer.write_rows("b", (0, 3), [])
    with open_table(f"{options}:{tmp_path}/whole.ark") as writer:
        writer.write("a", matrix)
        if options == "ark,t":
            writer.write("b", np.empty((0, 3), np.float32))
    if options == "ark,t":
        assert (tmp_path / "blocks.ark").read_bytes() == (tmp_path / "whole.ark").read_bytes()
    assert (tmp_path / "blocks.ark").read_bytes().startswith((tmp_path / "whole.ark").read_bytes()[:100])
    found = dict(read_table(f"ark:{tmp_path}/blocks.ark", "matrix"))
    np.testing.assert_allclose(found["a"], matrix, rtol=1e-5, atol=1e-6)
    for shape in ((9, 3), (11, 3), (10, 2)):
        with pytest.raises(ValueError, match="a: .*rows"), open_table(f"{options}:{tmp_path}/bad.ark") as writer:
            writer.write_rows("a", shape, [matrix])
    assert not (tmp_path / "bad.ark").exists()
