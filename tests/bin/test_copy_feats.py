"""copy_feats, feat_to_len and feat_to_dim against the files that Kaldi's own programs wrote."""

import subprocess
import sys

import numpy as np
import pytest

from speechlib.bin import copy_feats, feat_to_dim, feat_to_len
from speechlib.io.tables import open_table, read_matrix, read_table


@pytest.fixture
def in_golden(golden, monkeypatch):
    monkeypatch.chdir(golden)
    return golden


def run_command(name, *arguments, root, cwd=None, **options):
    command = [sys.executable, "-m", f"speechlib.bin.{name}", *arguments]
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=cwd or root, env=environment, capture_output=True, **options)


def test_compressed_bytes_and_frame_counts(in_golden, tmp_path):
    copy_feats.main(
        [f"--write-num-frames=ark,t:{tmp_path}/n", "--compress=true", "ark:io/mfcc_raw.ark"]
        + [f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp"]
    )
    assert (tmp_path / "a.ark").read_bytes() == (in_golden / "io/mfcc_compressed.ark").read_bytes()
    assert (tmp_path / "n").read_bytes() == (in_golden / "io/utt2num_frames").read_bytes()
    expected = (in_golden / "io/mfcc_compressed.scp").read_text().replace("io/mfcc_compressed", f"{tmp_path}/a")
    assert (tmp_path / "a.scp").read_text() == expected


@pytest.mark.parametrize("method", range(2, 8))
def test_every_method_writes_kaldis_bytes(in_golden, tmp_path, method):
    source = 'scp:grep -E "spkB-utt2|spkC-short" io/mfcc_raw.scp |'
    copy_feats.main(["--compress", f"--compression-method={method}", source, f"ark:{tmp_path}/a"])
    assert (tmp_path / "a").read_bytes() == (in_golden / f"io/mfcc_method{method}.ark").read_bytes()


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("scp:io/mfcc_raw.scp", "ark", "io/mfcc_raw.ark"),
        ("scp:vad/vad_from_compressed.scp", "ark,t", "vad/vad_from_compressed.txt"),
        ("ark:vad/vad_from_compressed.txt", "ark", "io/float_vector.ark"),
        ("ark:io/int_vector.ark", "t,ark", "io/int_vector.txt"),
        ("ark,t:io/int_vector.txt", "b,ark", "io/int_vector.ark"),
        ("scp:grep spkC-short io/mfcc_raw.scp | sed s/$/[1:4,0:2]/ |", "ark,t", "io/scp_range_1_4__0_2.txt"),
    ],
)
def test_copies(in_golden, tmp_path, source, target, expected):
    copy_feats.main([source, f"{target}:{tmp_path}/a"])
    assert (tmp_path / "a").read_bytes() == (in_golden / expected).read_bytes()


def test_standard_streams(golden, root):
    raw = (golden / "io/mfcc_raw.ark").read_bytes()
    done = run_command("copy_feats", "--compress=true", "ark:-", "ark:-", root=root, input=raw)
    assert done.stdout == (golden / "io/mfcc_compressed.ark").read_bytes()
    done = run_command("copy_feats", "--binary=false", "plda/lda.mat", "-", root=root, cwd=golden)
    assert done.stdout == (golden / "plda/lda.txt").read_bytes()


def test_single_objects(in_golden, tmp_path):
    copy_feats.main(["--compress=true", "plda/lda.mat", f"{tmp_path}/lda"])
    assert (tmp_path / "lda").read_bytes()[:5] == b"\0BCM "
    assert read_matrix(f"{tmp_path}/lda").shape == (16, 33)


def test_doubles_keep_their_precision(tmp_path):
    with open_table(f"ark:{tmp_path}/a") as writer:
        writer.write("a", np.array([[1 / 3]]))
    copy_feats.main([f"ark:{tmp_path}/a", f"ark:{tmp_path}/b"])
    assert dict(read_table(f"ark:{tmp_path}/b"))["a"][0, 0] == 1 / 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ark:none.ark", "ark:-"], "none.ark: No such file or directory"),
        (["--compres=true", "ark:x", "ark:-"], "unknown option --compres (did you mean --compress?)"),
        (["--compress=true", "--compression-method=9", "ark:x", "ark:-"], "--compression-method=9: expected 1 to 7"),
        (["ark:x", "y"], "not a mixture"),
        (["ark:x"], "required: wspecifier"),
        (["--write-num-frames=ark,t:-", "a", "b"], "expected a table"),
    ],
)
def test_errors_are_one_line(root, tmp_path, arguments, message):
    done = run_command("copy_feats", *arguments, root=root, cwd=tmp_path, text=True)
    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_damaged_input_leaves_no_output(golden, root, tmp_path):
    (tmp_path / "cut").write_bytes((golden / "io/mfcc_raw.ark").read_bytes()[:-100])
    arguments = ["--write-num-frames=ark:n", "ark:cut", "ark,scp:out.ark,out.scp"]
    done = run_command("copy_feats", *arguments, root=root, cwd=tmp_path, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("copy_feats: error: cut: utterance 'spkC-tiny' at offset 114496: truncated")
    assert [path.name for path in tmp_path.iterdir()] == ["cut"]


def test_feat_to_len_and_dim(in_golden, tmp_path, capsys):
    feat_to_len.main(["scp:io/mfcc_raw.scp", f"ark,t:{tmp_path}/len"])
    assert (tmp_path / "len").read_bytes() == (in_golden / "io/feat_to_len.txt").read_bytes()
    feat_to_dim.main(["scp:io/mfcc_raw.scp", "-"])
    assert capsys.readouterr().out == (in_golden / "io/feat_to_dim.txt").read_text()
    feat_to_len.main(["ark:io/mfcc_compressed.ark"])
    assert capsys.readouterr().out == "955\n"
    feat_to_dim.main(["ark:io/mfcc_compressed.ark", f"ark,t:{tmp_path}/dim"])
    assert dict(read_table(f"ark:{tmp_path}/dim", "int"))["spkC-tiny"] == 30
    with pytest.raises(ValueError, match="no features"):
        feat_to_dim.main(["ark:true |"])
