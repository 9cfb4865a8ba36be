"""Hash of a file's bytes."""

import hashlib
import os


def file_digest(path: str | os.PathLike) -> str:
    """SHA-256 in hex; the file is read in blocks, however large it is.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
