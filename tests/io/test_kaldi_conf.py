"""Option files: Kaldi's conf syntax, YAML, and their way into dataclasses."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from speechlib.io.kaldi_conf import build_options, read_options


@dataclass
class Inner:
    width: int = 3


@dataclass
class Options:
    sample_frequency: float = 16000.0
    num_mel_bins: int = 23
    snip_edges: bool = True
    window_type: Literal["povey", "hamming"] = "povey"
    seed: int | None = None
    filters: tuple[int, int] = (1, 1)
    layers: list[str] = field(default_factory=list)
    inner: Inner = field(default_factory=Inner)


def write(tmp_path, text):
    path = tmp_path / "conf"
    path.write_text(text)
    return path


def test_kaldi_conf(tmp_path):
    text = "# features\n--sample-frequency=8000  # telephone\n\n  --snip-edges=false\n--use-energy\n--x=\n"
    path = write(tmp_path, text)
    assert read_options(path) == {"sample_frequency": "8000", "snip_edges": "false", "use_energy": "true", "x": ""}


def test_golden_confs(golden):
    options = read_options(golden / "conf" / "mfcc_hires40.conf")
    assert options["high_freq"] == "-400"
    assert len(list((golden / "conf").glob("*.conf"))) == len(
        [read_options(path) for path in (golden / "conf").glob("*.conf")]
    )


def test_yaml(tmp_path):
    path = write(tmp_path, "---\nnum-mel-bins: 40\ninner: {width: 5}\nrate: 1e-3\nlayers: [L5, L7]\n")
    assert read_options(path) == {"num_mel_bins": 40, "inner": {"width": 5}, "rate": "1e-3", "layers": ["L5", "L7"]}


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_empty_file_has_no_options(tmp_path, text):
    assert read_options(write(tmp_path, text)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--a=1\nb=2\n", "conf:2: 'b=2'"),
        ("--a=1\n--a=2\n", "conf:2: option --a is given twice"),
        ("--a-b=1\n--a_b=2\n", "conf:2:"),
        ("--a b=1\n", "conf:1:"),
        ("a: 1\nb: 2\na: 3\n", "conf:3: option a is given twice"),
        ("a: {x: 1, x: 2}\n", "conf:1: option x is given twice"),
        ("a: [1\n", "conf:2:"),
        ("just text\n", "conf:1: expected"),
        ("a: !!python/object/apply:os.system ['true']\n", "conf:1:"),
    ],
)
def test_bad_files_name_the_line(tmp_path, text, message):
    with pytest.raises(ValueError) as error:
        read_options(write(tmp_path, text))
    assert message in str(error.value)


def test_binary_file(tmp_path):
    (tmp_path / "conf").write_bytes(b"--a=\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_options(tmp_path / "conf")


def test_values_take_their_fields_types():
    text = {"sample-frequency": "8000", "num_mel_bins": "40", "snip_edges": "F", "seed": "7", "filters": "3,5"}
    options = build_options(Options, text | {"window_type": "hamming", "layers": "L5:L7"}, "x.conf")
    assert options == Options(8000.0, 40, False, "hamming", 7, (3, 5), ["L5", "L7"])
    assert build_options(Options, {"seed": "none"}, "x").seed is None
    typed = {"sample_frequency": 8000, "inner": {"width": 9}, "filters": [3, 5], "seed": None}
    assert build_options(Options, typed, "x.yaml") == Options(8000.0, filters=(3, 5), inner=Inner(9))
    assert isinstance(build_options(Options, {"sample_frequency": 8000}, "x").sample_frequency, float)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_mel_bin": "1"}, "x.conf: unknown option --num-mel-bin (did you mean --num-mel-bins?)"),
        ({"zzz": "1"}, "unknown option --zzz"),
        ({"num_mel_bins": "4.5"}, "--num-mel-bins: '4.5': expected an integer"),
        ({"num_mel_bins": True}, "expected an integer"),
        ({"snip_edges": "maybe"}, "expected true or false"),
        ({"snip_edges": 1}, "expected true or false"),
        ({"sample_frequency": "fast"}, "expected a number"),
        ({"window_type": "hann"}, "expected one of povey, hamming"),
        ({"filters": "1,2,3"}, "expected 2 values"),
        ({"inner": {"widht": 1}}, "--widht (did you mean --width?)"),
        ({"inner": 4}, "expected a mapping"),
        ({"seed": "x"}, "expected an integer"),
        ({"num-mel-bins": "1", "num_mel_bins": "2"}, "twice"),
    ],
)
def test_bad_values_name_option_and_source(options, message):
    with pytest.raises(ValueError) as error:
        build_options(Options, options, "x.conf")
    assert message in str(error.value)
    assert str(error.value).startswith("x.conf: ")


def test_missing_and_inconsistent_values():
    @dataclass
    class Strict:
        dim: int

        def __post_init__(self):
            if self.dim < 1:
                raise ValueError("dim must be positive")

    with pytest.raises(ValueError, match="--dim is missing"):
        build_options(Strict, {}, "x.conf")
    with pytest.raises(ValueError, match="x.conf: dim must be positive"):
        build_options(Strict, {"dim": 0}, "x.conf")
