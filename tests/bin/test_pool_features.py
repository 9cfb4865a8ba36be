"""pool_features: numbers, the front end, what is left out, jobs done once, and features that cannot be used."""

import numpy as np
import pytest

from speechlib.bin import pool_features
from speechlib.io.tables import open_table, read_table


@pytest.fixture
def corpus(tmp_path):
    """12 utterances, with features and decisions by name."""
    generator = np.random.default_rng(3)
    features = {f"u{k:02d}": generator.normal(50, 3, (20 + 9 * k, 4)).astype(np.float32) for k in range(12)}
    voiced = {name: (np.arange(len(matrix)) % 3 > 0).astype(np.float32) for name, matrix in features.items()}
    write(tmp_path, features, voiced)
    return features, voiced


def write(folder, features, voiced):
    for kind, objects in (("feats", features), ("vad", voiced)):
        with open_table(f"ark,scp:{folder}/{kind}.ark,{folder}/{kind}.scp") as writer:
            for name, value in objects.items():
                writer.write(name, value)


def pool(folder, *options):
    pool_features.main([*options, f"scp:{folder}/feats.scp", f"ark,scp:{folder}/e.ark,{folder}/e.scp"])
    return dict(read_table(f"scp:{folder}/e.scp", "vector"))


def frontend(folder, *lines):
    (folder / "frontend.conf").write_text("".join(f"--{line}\n" for line in lines))
    return "--frontend", str(folder / "frontend.conf")


def brute_force(matrix):
    count = len(matrix)
    columns = [[float(value) for value in column] for column in matrix.T]
    means = [sum(column) / count for column in columns]
    deviations = [
        (sum((value - mean) ** 2 for value in column) / count) ** 0.5
        for column, mean in zip(columns, means, strict=True)
    ]
    return means + deviations


def test_means_and_deviations(corpus, tmp_path):
    found = pool(tmp_path)
    assert list(found) == list(corpus[0])
    for name, vector in found.items():
        assert vector.dtype == np.float32
        np.testing.assert_allclose(vector, brute_force(corpus[0][name]), rtol=1e-6)


def test_one_frame_has_no_deviation(tmp_path):
    write(tmp_path, {"u": np.float32([[3, -4]])}, {})
    np.testing.assert_array_equal(pool(tmp_path)["u"], [3, -4, 0, 0])


def test_the_front_end(corpus, tmp_path):
    features, voiced = corpus
    found = pool(tmp_path, *frontend(tmp_path, "cmn=utterance", "vad=true"), "--vad", f"scp:{tmp_path}/vad.scp")
    for name, vector in found.items():
        centred = features[name] - features[name].mean(axis=0)
        np.testing.assert_allclose(vector, brute_force(centred[voiced[name] > 0]), atol=2e-5)
    found = pool(tmp_path, *frontend(tmp_path, "cmn=none", "vad=false", "deltas=1"), "--subsample", "2")
    for name, vector in found.items():
        assert len(vector) == 16
        expected = brute_force(features[name][::2])
        np.testing.assert_allclose(np.concatenate([vector[:4], vector[8:12]]), expected, rtol=1e-6)


def test_what_has_no_frames_is_left_out_and_counted(corpus, tmp_path, capsys):
    features, voiced = corpus
    voiced["u02"][:] = 0
    features["u03"], voiced["u03"] = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
    del voiced["u04"]
    write(tmp_path, features, voiced)
    found = pool(tmp_path, *frontend(tmp_path, "cmn=none"), "--vad", f"scp:{tmp_path}/vad.scp")
    assert set(features) - set(found) == {"u02", "u03", "u04"}
    frames = int(sum(voiced[name].sum() for name in found))
    assert f"9 utterances, {frames} frames; 3 utterances left out" in capsys.readouterr().err


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda f: f["u05"].__setitem__((3, 1), np.nan), "feats.scp: utterance u05 has features with NaN or infinite"),
    (lambda f: f.update(u05=np.zeros((9, 3), np.float32)), "u05 has features of dimension 3, u00 of 4"),
    (lambda f: f.update(dict.fromkeys(f, np.zeros((0, 0), np.float32))), r"no utterance .* \(12 left out"),
])  # fmt: skip
def test_features_that_cannot_be_used_leave_nothing_behind(corpus, tmp_path, spoil, message):
    spoil(corpus[0])
    write(tmp_path, *corpus)
    with pytest.raises(ValueError, match=message):
        pool(tmp_path)
    assert not list(tmp_path.glob("e.*"))


def test_a_job_is_done_once_and_again_for_other_features_or_options(corpus, tmp_path, capsys):
    def again(*options):
        pool(tmp_path, "--stamp", str(tmp_path / "stamp"), *options)
        return "nothing to do" not in capsys.readouterr().err

    assert again()
    assert not again()
    assert again("--subsample", "2")
    corpus[0]["u01"][0] += 1
    assert not again("--subsample", "2")
    write(tmp_path, *corpus)
    assert again("--subsample", "2")
    with pytest.raises(ValueError, match="--stamp goes with scp:FILE as input"):
        pool_features.main(["--stamp", "s", f"ark:{tmp_path}/feats.ark", "ark:-"])
