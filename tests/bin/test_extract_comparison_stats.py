"""extract_comparison_stats: [L | d] of each utterance, the options of the model, and bad input."""

import re

import numpy as np
import pytest

from speechlib.bin import extract_comparison_stats
from speechlib.clustering.frame_assignment import StatisticsExtractor
from speechlib.io.eigenvoice_models import read_eigenvoice_model, write_eigenvoices
from speechlib.io.gmm_models import Mixture, write_diag_gmm
from speechlib.io.tables import open_table, read_table


def run(*arguments):
    assert not extract_comparison_stats.main([str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    """A model of 4 Gaussians, 3 dimensions, 2 eigenvoices and 1 eigenchannel; five utterances, one without frames."""
    generator = np.random.default_rng(0)
    (tmp_path / "model").mkdir()
    means, weights, inverses = generator.normal(size=(4, 3)), np.full(4, 0.25), generator.uniform(1, 2, (4, 3))
    mixture = Mixture(weights, means * inverses, inverses)
    write_diag_gmm(str(tmp_path / "model/final.dubm"), mixture, np.zeros(4))
    write_eigenvoices(tmp_path / "model", means, generator.normal(size=(4, 3, 2)), generator.normal(size=(4, 3, 1)))
    with open_table(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/feats.scp") as writer:
        for number in range(5):
            writer.write(f"u{number}", generator.normal(size=(0 if number == 2 else 30, 3)).astype(np.float32))
    return tmp_path


def test_matrices_of_each_utterance(folder, capsys):
    target = f"ark:{folder}/stats.ark"
    run("--num-iters=4", "--frame-scale", 0.5, folder / "model", f"scp:{folder}/feats.scp", target)
    found = dict(read_table(target))
    assert list(found) == ["u0", "u1", "u3", "u4"]
    features = dict(read_table(f"scp:{folder}/feats.scp"))
    extractor = StatisticsExtractor(*read_eigenvoice_model(folder / "model"), num_iters=4, frame_scale=0.5)
    for name, matrix in found.items():
        expected = extractor.extract(features[name], np.array([30]))
        assert matrix.dtype == np.float64
        assert matrix[:, :2] == pytest.approx(expected.precisions[0], abs=1e-12)
        assert matrix[:, 2] == pytest.approx(expected.linear[0], abs=1e-12)
    log = capsys.readouterr().err
    assert "warning: utterance u2 has no frames: left out" in log
    assert "4 utterances, 120 frames; 1 utterances left out; who speaks adds" in log


def test_options_change_what_they_say(folder):
    found = {}
    for name, options in (
        ("plain", ()),
        ("one", ("--num-iters=1",)),
        ("soft", ("--assignment=soft",)),
        ("channels", ("--use-eigenchannels",)),
        ("no channels", ("--use-eigenchannels=false",)),
        ("torch", ("--device=torch:cpu",)),
    ):
        run(*options, folder / "model", f"scp:{folder}/feats.scp", f"ark:{folder}/stats.ark")
        found[name] = np.stack([matrix for _, matrix in read_table(f"ark:{folder}/stats.ark")])
    assert np.array_equal(found["plain"], found["channels"])
    assert found["torch"] == pytest.approx(found["plain"], abs=1e-12)
    for name in ("one", "soft", "no channels"):
        assert abs(found[name] - found["plain"]).max() > 0.01
    # What the channel may explain says nothing about the speaker.
    lost = found["no channels"][:, :, :2] - found["channels"][:, :, :2]
    assert np.linalg.eigvalsh(lost).max(axis=1).min() > 0.1


def test_a_job_is_done_once(folder, capsys):
    arguments = (folder / "model", f"scp:{folder}/feats.scp", f"ark,scp:{folder}/s.ark,{folder}/s.scp")
    run("--stamp", folder / "stamp", *arguments)
    run("--stamp", folder / "stamp", *arguments)
    assert capsys.readouterr().err.endswith("nothing to do\n")
    run("--stamp", folder / "stamp", "--num-iters=2", *arguments)
    assert "nothing to do" not in capsys.readouterr().err
    (folder / "model/eigenchannels.mat").unlink()
    run("--stamp", folder / "stamp", "--num-iters=2", *arguments)
    assert "nothing to do" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--num-iters=0",), "0 iterations"),
        (("--frame-scale=0",), "frames that count 0.0"),
        (("--device=nowhere",), "--device nowhere"),
        (("--stamp=x",), "--stamp goes with scp:FILE"),
    ],
)
def test_options_out_of_range(folder, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run(*options, folder / "model", f"scp:{folder}/feats.scp", f"ark:{folder}/out.ark")
    assert not (folder / "out.ark").exists()


def test_models_and_features_that_do_not_fit(folder):
    def arguments(feats="feats"):
        return folder / "model", f"scp:{folder}/{feats}.scp", f"ark:{folder}/out.ark"

    with open_table(f"ark,scp:{folder}/wide.ark,{folder}/wide.scp") as writer:
        writer.write("u", np.zeros((9, 5), np.float32))
    with open_table(f"ark,scp:{folder}/empty.ark,{folder}/empty.scp") as writer:
        writer.write("u", np.zeros((0, 3), np.float32))
    with open_table(f"ark,scp:{folder}/nan.ark,{folder}/nan.scp") as writer:
        writer.write("u", np.full((9, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="utterance u has features of dimension 5, but the model has 3"):
        run(*arguments("wide"))
    with pytest.raises(ValueError, match="no utterance with features that can be used"):
        run(*arguments("empty"))
    with pytest.raises(ValueError, match="utterance u has features with NaN"):
        run(*arguments("nan"))
    (folder / "model/eigenchannels.mat").unlink()
    with pytest.raises(ValueError, match="has no eigenchannels: train them"):
        run("--use-eigenchannels", *arguments())
    with pytest.raises(ValueError, match="no folder nowhere"):
        run("nowhere", *arguments()[1:])
    assert not (folder / "out.ark").exists()
