"""NIST SPHERE files: a 1024-byte text header, then 16-bit little-endian samples (TIMIT) or mu-law (telephone)."""

import numpy as np

_HEADER_BYTES = 1024
_BIAS, _CLIP = 132, 32635  # ITU-T G.711 in 16-bit range


def encode_sphere(samples: np.ndarray, rate: int, fields: dict[str, str]) -> bytes:
    """The bytes of a SPHERE file.

    Args:
        samples: (samples,) int16, one channel.
        rate: samples per second.
        fields: further text fields of the header, such as utterance_id.

    Raises:
        ValueError: the samples are not a non-empty int16 vector, or the header does not fit.
    """
    if samples.dtype != np.int16 or samples.ndim != 1 or not samples.size:
        raise ValueError(f"a SPHERE file takes a non-empty int16 vector, not {samples.dtype} {samples.shape}")
    numbers = {
        "channel_count": 1,
        "sample_count": samples.size,
        "sample_rate": rate,
        "sample_min": int(samples.min()),
        "sample_max": int(samples.max()),
        "sample_n_bytes": 2,
    }
    ending = ["sample_byte_format -s2 01", "sample_sig_bits -i 16"]
    return _header(fields, numbers, ending) + samples.astype("<i2").tobytes()


def encode_mulaw_sphere(samples: np.ndarray, rate: int, fields: dict[str, str]) -> bytes:
    """The bytes of a SPHERE file of mu-law samples.

    Args:
        samples: (samples, channels) int16.
        rate: samples per second.
        fields: further text fields of the header.

    Raises:
        ValueError: the samples are not a non-empty int16 matrix, or the header does not fit.
    """
    if samples.dtype != np.int16 or samples.ndim != 2 or not samples.size:
        raise ValueError(f"expected a non-empty int16 matrix, not {samples.dtype} {samples.shape}")
    numbers = {
        "channel_count": samples.shape[1],
        "sample_count": len(samples),
        "sample_rate": rate,
        "sample_n_bytes": 1,
    }
    return _header(fields, numbers, ["sample_coding -s4 ulaw", "sample_sig_bits -i 8"]) + mulaw(samples).tobytes()


def mulaw(samples: np.ndarray) -> np.ndarray:
    """int16 samples of any shape as mu-law bytes (ITU-T G.711)."""
    value = np.asarray(samples, np.int32)
    magnitude = np.minimum(np.abs(value), _CLIP) + _BIAS
    exponent = np.frexp(magnitude.astype(np.float64))[1] - 8  # of the highest bit: 0 to 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    return (~(np.where(value < 0, 128, 0) | exponent << 4 | mantissa) & 255).astype(np.uint8)


def _header(fields: dict[str, str], numbers: dict[str, int], ending: list[str]) -> bytes:
    lines = ["NIST_1A", f"{_HEADER_BYTES:7d}"]
    lines += [f"{name} -s{len(value)} {value}" for name, value in fields.items()]
    lines += [f"{name} -i {value}" for name, value in numbers.items()]
    header = "\n".join([*lines, *ending, "end_head", ""]).encode("ascii")
    if len(header) > _HEADER_BYTES:
        raise ValueError(f"the SPHERE header has {len(header)} bytes, at most {_HEADER_BYTES} fit: shorten its fields")
    return header.ljust(_HEADER_BYTES)
