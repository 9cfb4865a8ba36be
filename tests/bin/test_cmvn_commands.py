"""The commands of VAD, CMVN and deltas: Kaldi's files byte by byte, its options, and errors without traceback."""

import gzip
import subprocess
import sys

import numpy as np
import pytest

from speechlib.bin import add_deltas, apply_cmvn, apply_cmvn_sliding, compute_cmvn_stats, compute_vad
from speechlib.bin import select_voiced_frames as select
from speechlib.io.tables import open_table, read_matrix, read_table


def text(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.fixture
def in_golden(golden, monkeypatch):
    monkeypatch.chdir(golden)
    return golden


RAW, LOSSY = "scp:io/mfcc_raw.scp", "scp:io/mfcc_compressed.scp"
WITHOUT_A2 = "scp:grep -v spkA-utt2 io/mfcc_raw.scp |"
# command, arguments as in golden/COMMANDS.md, Kaldi's output
KALDI = [
    (compute_vad, ["--config=conf/vad.conf", RAW], "vad/vad.txt"),
    (compute_vad, ["--config=conf/vad_vox1.conf", RAW], "vad/vad_vox1.txt"),
    (compute_vad, ["--config=conf/vad.conf", LOSSY], "vad/vad_from_compressed.txt"),
    (select, [RAW, "ark,t:vad/vad.txt"], "vad/mfcc_voiced.txt.gz"),
    (
        apply_cmvn_sliding,
        ["--norm-vars=false", "--center=true", "--cmn-window=300", RAW],
        "cmvn/sliding_300_center.txt.gz",
    ),
    (
        apply_cmvn_sliding,
        ["--norm-vars=true", "--center=true", "--cmn-window=100", WITHOUT_A2],
        "cmvn/sliding_100_center_vars.txt.gz",
    ),
    (
        apply_cmvn_sliding,
        ["--norm-vars=false", "--center=false", "--cmn-window=100", WITHOUT_A2],
        "cmvn/sliding_100_nocenter.txt.gz",
    ),
    (compute_cmvn_stats, [RAW], "cmvn/cmvn_utt.txt"),
    (apply_cmvn, ["--utt2spk=ark:utt2spk", "scp:cmvn/cmvn_spk.scp", RAW], "cmvn/apply_spk_mean.txt.gz"),
    (
        apply_cmvn,
        ["--norm-vars=true", "--utt2spk=ark:utt2spk", "scp:cmvn/cmvn_spk.scp", RAW],
        "cmvn/apply_spk_meanvar.txt.gz",
    ),
]


@pytest.mark.parametrize("command, arguments, expected", KALDI, ids=[case[2] for case in KALDI])
def test_text_is_kaldis(in_golden, tmp_path, command, arguments, expected):
    assert command.main([*arguments, f"ark,t:{tmp_path}/out"]) in (0, None)
    found = (tmp_path / "out").read_bytes().splitlines()
    wanted = text(in_golden / expected).splitlines()
    assert len(found) == len(wanted)
    differ = [(a, b) for a, b in zip(found, wanted, strict=True) if a != b]
    for a, b in differ:  # a library of another build may round the last of seven digits otherwise
        fields = zip(a.split(), b.split(), strict=True)
        assert all(x == y or abs(float(x) - float(y)) <= 1e-5 * max(1, abs(float(y))) for x, y in fields), (a, b)
    assert len(differ) <= len(wanted) // 100


def test_binary_is_kaldis(in_golden, tmp_path):
    compute_vad.main(["--config=conf/vad.conf", LOSSY, f"ark:{tmp_path}/vad"])
    assert (tmp_path / "vad").read_bytes() == text(in_golden / "vad/vad_from_compressed.ark")
    compute_cmvn_stats.main(["--spk2utt=spk2utt", RAW, f"ark:{tmp_path}/stats"])
    assert (tmp_path / "stats").read_bytes() == text(in_golden / "cmvn/cmvn_spk.ark")


def test_the_recipes_pipeline(in_golden, tmp_path, root):
    python = f"PYTHONPATH={root} {sys.executable} -m speechlib.bin"
    command = (
        f"{python}.apply_cmvn_sliding --norm-vars=false --center=true --cmn-window=300 {LOSSY} ark:- | "
        f"{python}.select_voiced_frames ark:- scp:vad/vad_from_compressed.scp ark,t:{tmp_path}/out"
    )
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True)
    assert (tmp_path / "out").read_bytes() == text(in_golden / "cmvn/recipe_compressed_sliding_voiced.txt.gz")


@pytest.fixture
def tables(tmp_path):
    """Features of three utterances of two speakers, one without frames; decisions; utt2spk and spk2utt."""
    rng = np.random.default_rng(0)
    features = {
        "a1": rng.normal(12, 5, (30, 3)).astype(np.float32),
        "a2": np.zeros((0, 0), np.float32),
        "b1": rng.normal(12, 5, (20, 3)).astype(np.float32),
    }
    with open_table(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/feats.scp") as writer:
        for key, value in features.items():
            writer.write(key, value)
    with open_table(f"ark:{tmp_path}/vad.ark") as writer:
        writer.write("a1", (np.arange(30) % 3 == 0).astype(np.float32))
        writer.write("b1", np.zeros(20, np.float32))
    (tmp_path / "spk2utt").write_text("a a1 a2\nb b1\nc c1\n")
    (tmp_path / "utt2spk").write_text("a1 a\na2 a\nb1 b\n")
    return tmp_path, features


def test_empty_missing_and_unvoiced_utterances_are_left_out_with_a_warning(tables, capsys):
    folder, features = tables
    scp, out = f"scp:{folder}/feats.scp", f"ark:{folder}/out"
    assert select.main([scp, f"ark:{folder}/vad.ark", out]) == 0
    assert {key: value.shape for key, value in read_table(out)} == {"a1": (10, 3)}
    warnings = capsys.readouterr().err
    assert "a2 has no frames" in warnings and "b1 has no voiced frame" in warnings and "2 left out" in warnings
    assert apply_cmvn_sliding.main([scp, out]) == 0
    assert [key for key, _ in read_table(out)] == ["a1", "b1"]
    assert add_deltas.main([scp, out]) in (0, None)
    assert {key: value.shape for key, value in read_table(out)} == {"a1": (30, 9), "b1": (20, 9)}
    assert add_deltas.main(["--truncate=2", "--delta-order", "1", scp, out]) in (0, None)
    assert {key: value.shape for key, value in read_table(out)} == {"a1": (30, 4), "b1": (20, 4)}
    assert compute_cmvn_stats.main([f"--spk2utt=ark:{folder}/spk2utt", scp, out]) == 0
    assert [(key, value[0, -1]) for key, value in read_table(out)] == [("a", 30), ("b", 20)]
    warnings = capsys.readouterr().err
    assert "c1 is not in" in warnings and "speaker c has no statistics" in warnings
    quiet = ["--vad-energy-threshold=1000", scp]
    assert compute_vad.main([*quiet, out]) == 0 and len(list(read_table(out))) == 2
    assert compute_vad.main(["--omit-unvoiced-utts=true", *quiet, out]) == 0 and not list(read_table(out))
    (folder / "none.scp").write_text("")
    assert compute_vad.main([f"scp:{folder}/none.scp", out]) == 1


def test_statistics_over_all_weights_and_skipped_dimensions(tables):
    folder, features = tables
    scp, out = f"scp:{folder}/feats.scp", f"ark:{folder}/out"
    assert compute_cmvn_stats.main(["--binary=false", scp, f"{folder}/global"]) == 0
    together = np.concatenate([features["a1"], features["b1"]])
    stats = read_matrix(f"{folder}/global")
    np.testing.assert_allclose(stats[0], [*together.sum(axis=0), 50], rtol=1e-5)
    assert (folder / "global").read_bytes().startswith(b" [")
    assert apply_cmvn.main(["--norm-vars", "--skip-dims=1", f"{folder}/global", scp, out]) == 0
    found = {key: value for key, value in read_table(out)}
    expected = (together - together.mean(axis=0)) / together.std(axis=0)
    np.testing.assert_allclose(found["a1"][:, [0, 2]], expected[:30, [0, 2]], rtol=1e-3, atol=1e-4)
    assert np.array_equal(found["b1"][:, 1], features["b1"][:, 1])
    assert apply_cmvn.main(["--norm-vars", "--reverse", "--skip-dims=1", f"{folder}/global", out, out + "2"]) == 0
    np.testing.assert_allclose(dict(read_table(out + "2"))["a1"], features["a1"], rtol=1e-4)
    assert compute_cmvn_stats.main([f"--weights=ark:{folder}/vad.ark", scp, out]) == 0
    weighted = dict(read_table(out))
    assert weighted["a1"][0, -1] == 10 and weighted["b1"][0, -1] == 0
    np.testing.assert_allclose(weighted["a1"][0, :3], features["a1"][::3].sum(axis=0), rtol=1e-5)
    assert apply_cmvn.main(["--norm-means=false", f"{folder}/global", scp, out]) == 0
    assert np.array_equal(dict(read_table(out))["a1"], features["a1"])


def test_the_command_line_overrides_the_configuration(tables):
    folder, _ = tables
    (folder / "vad.conf").write_text("--vad-energy-threshold=1000  # silent\n--vad-energy-mean-scale=0\n")
    (folder / "vad.yaml").write_text("vad_energy_threshold: 1000\nvad_energy_mean_scale: 0.0\n")
    arguments = [f"scp:{folder}/feats.scp", f"ark:{folder}/out"]
    for config in ("vad.conf", "vad.yaml"):
        compute_vad.main([f"--config={folder}/{config}", *arguments])
        assert not any(value.any() for _, value in read_table(arguments[1]))
        compute_vad.main(["--vad-energy-threshold=-1000", "--config", f"{folder}/{config}", *arguments])
        assert all(value.all() for _, value in read_table(arguments[1]))


ERRORS = [
    (["compute_vad", "--vad-energy-treshold=5", "scp:f.scp", "ark:o"], "--vad-energy-threshold"),
    (["compute_vad", "--config=bad.conf", "scp:f.scp", "ark:o"], "--vad-frames-context"),
    (["compute_vad", "--vad-frames-context=-1", "scp:f.scp", "ark:o"], "vad-frames-context=-1"),
    (["compute_vad", "scp:none.scp", "ark:o"], "none.scp"),
    (["apply_cmvn_sliding", "--cmn-window=0", "scp:f.scp", "ark:o"], "cmn-window=0"),
    (["apply_cmvn", "--norm-vars=true", "--norm-means=false", "ark:s", "scp:f.scp", "ark:o"], "variance alone"),
    (["apply_cmvn", "--skip-dims=1,2", "ark:s", "scp:f.scp", "ark:o"], "--skip-dims=1,2"),
    (["apply_cmvn", "--utt2spk=ark:u", "stats", "scp:f.scp", "ark:o"], "is ark: or scp: missing?"),
    (["compute_cmvn_stats", "--spk2utt=ark:s", "scp:f.scp", "stats"], "is ark: missing?"),
    (["add_deltas", "--delta-window=0", "scp:f.scp", "ark:o"], "delta-window=0"),
    (["add_deltas", "--truncate=9", "scp:f.scp", "ark:o"], "utterance a: --truncate=9"),
    (["select_voiced_frames", "scp:f.scp"], "required"),
]


@pytest.mark.parametrize("arguments, expected", ERRORS, ids=[" ".join(case[0][:2]) for case in ERRORS])
def test_errors_are_one_line(tmp_path, root, arguments, expected):
    with open_table(f"ark,scp:{tmp_path}/f.ark,{tmp_path}/f.scp") as writer:
        writer.write("a", np.ones((3, 2), np.float32))
    (tmp_path / "f.scp").write_text(f"a {tmp_path}/f.ark:2\n")
    (tmp_path / "bad.conf").write_text("--vad-frame-context=2\n")
    done = subprocess.run(
        [sys.executable, "-m", f"speechlib.bin.{arguments[0]}", *arguments[1:]],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert expected in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"{arguments[0]}: error: ")
    assert not (tmp_path / "o").exists()


def test_commands_start_without_torch(root):
    code = "import sys; from speechlib.bin import {}; assert not {{'torch', 'scipy', 'kaldiio'}} & set(sys.modules)"
    names = "add_deltas, apply_cmvn, apply_cmvn_sliding, compute_cmvn_stats, compute_vad, select_voiced_frames"
    subprocess.run([sys.executable, "-c", code.format(names)], cwd=root, check=True)
