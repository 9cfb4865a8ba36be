"""Kaldi's model and statistics files of mixtures and i-vector extractors: read, written, refused."""

import numpy as np
import pytest

from speechlib.io.gmm_models import (
    Mixture,
    Sums,
    is_full_gmm,
    read_diag_gmm,
    read_full_gmm,
    read_sums,
    sum_up,
    write_diag_gmm,
    write_full_gmm,
    write_sums,
)
from speechlib.io.ivector_models import read_extractor, read_extractor_sums, write_extractor, write_extractor_sums


def words(path):
    """A text model as words, numbers as floats."""
    found = []
    for word in path.read_text().split():
        try:
            found.append(float(word))
        except ValueError:
            found.append(word)
    return found


def same_text(path, other, tolerance=2e-7):
    ours, theirs = words(path), words(other)
    assert [w for w in ours if isinstance(w, str)] == [w for w in theirs if isinstance(w, str)]
    assert [isinstance(w, str) for w in ours] == [isinstance(w, str) for w in theirs]
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if not isinstance(a, str)]
    assert np.allclose(*np.array(pairs).T, rtol=tolerance, atol=1e-12)


@pytest.mark.parametrize("binary", [False, True])
def test_mixtures_come_back_as_kaldi_wrote_them(tmp_path, golden, binary):
    for name, read, write in (("dubm1", read_diag_gmm, write_diag_gmm), ("fubm1", read_full_gmm, write_full_gmm)):
        source = golden / f"ivector/{name}.txt"
        gconsts = np.array([float(word) for word in source.read_text().split("[")[1].split("]")[0].split()])
        model = read(str(source))
        write(str(tmp_path / "a"), model, gconsts, binary)
        assert is_full_gmm(str(tmp_path / "a")) == (name == "fubm1")
        write(str(tmp_path / "b"), read(str(tmp_path / "a")), gconsts, False)
        same_text(tmp_path / "b", source)


@pytest.mark.parametrize("binary", [False, True])
def test_statistics_come_back_as_kaldi_wrote_them(tmp_path, golden, binary):
    for name, tolerance in (("dubm0_accs", 2e-7), ("fubm0_accs", 1e-5)):
        source = golden / f"ivector/{name}.txt"
        write_sums(str(tmp_path / "a"), read_sums(str(source)), binary)
        write_sums(str(tmp_path / "b"), read_sums(str(tmp_path / "a")), False)
        same_text(tmp_path / "b", source, tolerance)
    source = golden / "ivector/ie0_acc.txt"
    write_extractor_sums(str(tmp_path / "a"), read_extractor_sums(str(source)), binary)
    write_extractor_sums(str(tmp_path / "b"), read_extractor_sums(str(tmp_path / "a")), False)
    same_text(tmp_path / "b", source)


@pytest.mark.parametrize("binary", [False, True])
def test_extractors_come_back_as_kaldi_wrote_them(tmp_path, golden, binary):
    source = golden / "ivector/ie1.txt"
    write_extractor(str(tmp_path / "a"), read_extractor(str(source)), binary)
    write_extractor(str(tmp_path / "b"), read_extractor(str(tmp_path / "a")), False)
    same_text(tmp_path / "b", source)


def test_the_binary_layout_is_kaldis(tmp_path):
    model = Mixture(np.array([1.0]), np.array([[2.0, 3.0]]), np.array([[4.0, 5.0]]))
    write_diag_gmm(str(tmp_path / "a"), model, np.array([-6.0]))
    single = np.float32
    vector = b"FV \4\1\0\0\0"
    matrix = b"FM \4\1\0\0\0\4\2\0\0\0"
    assert (tmp_path / "a").read_bytes() == (
        b"\0B<DiagGMM> <GCONSTS> " + vector + single(-6).tobytes() + b"<WEIGHTS> " + vector + single(1).tobytes()
        + b"<MEANS_INVVARS> " + matrix + np.array([2, 3], single).tobytes()
        + b"<INV_VARS> " + matrix + np.array([4, 5], single).tobytes() + b"</DiagGMM> "
    )  # fmt: skip
    write_sums(str(tmp_path / "s"), Sums(np.ones(1), np.ones((1, 2)), np.ones((1, 2))))
    head = b"\0B<GMMACCS> <VECSIZE> \4\2\0\0\0<NUMCOMPONENTS> \4\1\0\0\0<FLAGS> \xfe\7\0<OCCUPANCY> "
    assert (tmp_path / "s").read_bytes().startswith(head)


def test_models_of_one_dimension_in_text(tmp_path):
    model = Mixture(np.array([0.5, 0.5]), np.array([[2.0], [3.0]]), np.array([[[4.0]], [[5.0]]]))
    write_full_gmm(str(tmp_path / "a"), model, np.zeros(2), binary=False)
    assert np.array_equal(read_full_gmm(str(tmp_path / "a")).inverses, model.inverses)


def test_sums_of_jobs(tmp_path):
    for name, factor in (("a", 1.0), ("b", 2.0)):
        write_sums(str(tmp_path / name), Sums(*(factor * np.ones(shape) for shape in ((2,), (2, 3), (2, 3, 3)))))
    total = sum_up([str(tmp_path / "a"), str(tmp_path / "b")])
    assert total.occupancy.tolist() == [3, 3] and np.allclose(total.second, 3)
    write_sums(str(tmp_path / "c"), Sums(np.ones(2), np.ones((2, 3)), np.ones((2, 3))))
    with pytest.raises(ValueError, match="c: statistics of shape .* different models"):
        sum_up([str(tmp_path / "a"), str(tmp_path / "c")])


def test_other_files_are_refused_by_name(tmp_path, golden):
    folder = golden / "ivector"
    for read, name, message in (
        (read_diag_gmm, "fubm1.txt", "a diagonal one .* is due"),
        (read_full_gmm, "dubm1.txt", "a full one .* is due"),
        (read_diag_gmm, "ie1.txt", "'<IvectorExtractor>' where <DiagGMM>"),
        (read_sums, "ie0_acc.txt", "where <GMMACCS> is due"),
        (read_extractor, "fubm1.txt", "where <IvectorExtractor> is due"),
        (read_extractor_sums, "ie1.txt", "where <IvectorExtractorStats> is due"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            read(str(folder / name))
        assert name in str(error.value)
    text = (folder / "ie1.txt").read_text()
    (tmp_path / "weights").write_text(text.replace("<w>  [ ]", "<w>  [\n 1 2 ]"))
    with pytest.raises(ValueError, match="weights depend on the i-vector"):
        read_extractor(str(tmp_path / "weights"))
    (tmp_path / "cut").write_text(text[: text.index("<SigmaInv>")])
    with pytest.raises(ValueError, match="its end where <SigmaInv> is due"):
        read_extractor(str(tmp_path / "cut"))
    with pytest.raises(OSError):
        read_extractor(str(tmp_path / "absent"))
