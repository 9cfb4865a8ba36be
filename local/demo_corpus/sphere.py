"""NIST SPHERE files as TIMIT's: a 1024-byte text header, then 16-bit little-endian mono samples."""

import numpy as np

_HEADER_BYTES = 1024


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
    lines = ["NIST_1A", f"{_HEADER_BYTES:7d}"]
    lines += [f"{name} -s{len(value)} {value}" for name, value in fields.items()]
    lines += [f"{name} -i {value}" for name, value in numbers.items()]
    lines += ["sample_byte_format -s2 01", "sample_sig_bits -i 16", "end_head", ""]
    header = "\n".join(lines).encode("ascii")
    if len(header) > _HEADER_BYTES:
        raise ValueError(f"the SPHERE header has {len(header)} bytes, at most {_HEADER_BYTES} fit: shorten its fields")
    return header.ljust(_HEADER_BYTES) + samples.astype("<i2").tobytes()
