"""Fetch a file over http, https or file; it is there, complete and checked, or not at all."""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from speechlib.io.file_digest import file_digest

_BLOCK = 1 << 20
_REPORT_S = 60.0  # a line a minute, so that a log stays readable
_SCHEMES = ("http", "https", "file")


class _Incomplete(OSError):
    """The connection ended early; what is there can be completed."""


def download(url: str, out: Path, sha256: str = "", size: int = 0, retries: int = 3, wait_s: float = 2.0) -> None:
    """Fetch `url` into `out`, unless it is there already.

    What has arrived is kept in `<out>.part` and completed by the next try, in this call or a later one, if the
    server can send parts of a file and the file has not changed (ETag or Last-Modified).

    Args:
        url: http, https or file.
        out: file to write; its folder is made.
        sha256: of the file, in hex; empty: not checked.
        size: in bytes; 0: what the server says.
        retries: further tries after a broken connection or a server's error.
        wait_s: before the first of them; doubled for each.

    Raises:
        ValueError: another scheme, or a file of another size or hash than expected (which is removed).
        OSError: it cannot be fetched or written.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise ValueError(f"{url}: expected an address that begins with {', '.join(f'{s}:' for s in _SCHEMES)}")
    if out.exists():
        _check(out, sha256, size, "remove it, and it is fetched again")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    part, tag = (out.with_name(f"{out.name}.{suffix}") for suffix in ("part", "tag"))
    for attempt in range(retries + 1):
        try:
            _fetch(url, part, tag)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:  # what is there is longer than the file: it is another one
                part.unlink(missing_ok=True)
            elif error.code < 500:
                raise ValueError(f"{url}: the server answers {error.code} {error.reason}; check the address") from None
            problem = f"the server answers {error.code} {error.reason}"
        except (urllib.error.URLError, TimeoutError, ConnectionError, _Incomplete) as error:
            problem = str(getattr(error, "reason", error))
        if attempt == retries or url.startswith("file:"):
            raise OSError(
                f"{url}: {problem}; {attempt + 1} tries. Give another address, or fetch the file by other means "
                f"and put it at {out}"
            )
        print(f"download: {url}: {problem}; once more", file=sys.stderr)
        time.sleep(wait_s * 2**attempt)
    try:
        _check(part, sha256, size, "it is removed; fetch it again, or correct what is expected")
    except ValueError:
        part.unlink()
        tag.unlink(missing_ok=True)
        raise
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    part.rename(out)
    tag.unlink(missing_ok=True)


def _fetch(url: str, part: Path, tag: Path) -> None:
    """Fetch what of a file is not in `part` yet; `tag` says which version of the file `part` is of."""
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "speechlib"})
    if start and tag.exists():
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", tag.read_text())
    with urllib.request.urlopen(request, timeout=60) as reply:
        resumed = getattr(reply, "status", None) == 206
        if not resumed:
            start = 0
        version = reply.headers.get("ETag", "") or reply.headers.get("Last-Modified", "")
        if version and not version.startswith("W/"):  # a weak tag does not promise the same bytes
            tag.write_text(version)
        else:
            tag.unlink(missing_ok=True)
        length = reply.headers.get("Content-Length")
        total = start + int(length) if length else None
        with open(part, "ab" if resumed else "wb") as file:
            done, reported = start, time.monotonic()
            while block := reply.read(_BLOCK):
                file.write(block)
                done += len(block)
                if time.monotonic() - reported > _REPORT_S:
                    reported = time.monotonic()
                    print(f"download: {done >> 20}{f' of {total >> 20}' if total else ''} MiB", file=sys.stderr)
    if total is not None and done != total:
        raise _Incomplete(f"the connection ended after {done} of {total} bytes")


def _check(path: Path, sha256: str, size: int, mend: str) -> None:
    found = path.stat().st_size
    if size and found != size:
        raise ValueError(f"{path}: {found} bytes, expected {size}: {mend}")
    if sha256:
        digest = file_digest(path)
        if digest != sha256.lower():
            raise ValueError(f"{path}: SHA-256 is {digest}, expected {sha256.lower()}: {mend}")
