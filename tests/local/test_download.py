"""Downloads: complete and checked or not there, resumed, and archives that are unpacked whole or not at all."""

import hashlib
import io
import subprocess
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.download import download
from local.unpack import unpack

CONTENT = bytes(range(256)) * 40_000  # ten megabytes: several blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content` by any address; breaks off after `break_after` bytes once; remembers the ranges asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag = CONTENT, '"one"'
        self.break_after: list[int] = []
        self.errors: list[int] = []
        self.ranges: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/corpus.tar.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.ranges.append(self.headers.get("Range"))
        if server.errors:
            self.send_error(server.errors.pop(0))
            return
        start = 0
        if self.headers.get("Range") and self.headers.get("If-Range") == server.tag:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(server.content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.send_header("ETag", server.tag)
        self.end_headers()
        end = start + server.break_after.pop(0) if server.break_after else len(server.content)
        self.wfile.write(server.content[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_once(server, tmp_path):
    out = tmp_path / "new" / "file"
    download(server.url, out, SHA256, len(CONTENT))
    assert out.read_bytes() == CONTENT and left(out.parent) == {"file"}
    download(server.url, out, SHA256)
    assert server.ranges == [None]


def test_broken_connections_are_resumed(server, tmp_path):
    server.break_after = [3_000_000, 2_000_000]
    download(server.url, tmp_path / "file", SHA256, wait_s=0)
    assert (tmp_path / "file").read_bytes() == CONTENT and left(tmp_path) == {"file"}
    assert server.ranges == [None, "bytes=3000000-", "bytes=5000000-"]


def test_another_run_goes_on_with_what_is_there(server, tmp_path):
    server.break_after = [3_000_000]
    with pytest.raises(OSError, match="after 3000000 of 10240000 bytes; 1 tries"):
        download(server.url, tmp_path / "file", retries=0)
    assert "file" not in left(tmp_path)
    download(server.url, tmp_path / "file", SHA256)
    assert server.ranges[-1] == "bytes=3000000-" and (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("length", [10_240_000, 5_000_000])
def test_a_file_that_has_changed_meanwhile_is_fetched_anew(server, tmp_path, length):
    server.break_after = [3_000_000]
    with pytest.raises(OSError, match="ended"):
        download(server.url, tmp_path / "file", retries=0)
    server.content, server.tag = CONTENT[::-1][:length], '"two"'
    download(server.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == server.content


def test_too_much_was_there(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    (tmp_path / "file.tag").write_text(server.tag)
    download(server.url, tmp_path / "file", wait_s=0)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_wrong_file_is_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match="SHA-256 is .* expected 0123"):
        download(server.url, tmp_path / "file", "0123")
    with pytest.raises(ValueError, match="10240000 bytes, expected 7"):
        download(server.url, tmp_path / "file", size=7)
    assert not left(tmp_path)
    (tmp_path / "file").write_bytes(b"other")
    with pytest.raises(ValueError, match="remove it, and it is fetched again"):
        download(server.url, tmp_path / "file", SHA256)


def test_servers_that_fail(server, tmp_path):
    server.errors = [503, 500]
    download(server.url, tmp_path / "file", SHA256, wait_s=0)
    server.errors = [404]
    with pytest.raises(ValueError, match="404 Not Found; check the address"):
        download(server.url, tmp_path / "other", wait_s=0)


def test_other_addresses(root, tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    command = [root / "local/download.sh", "--sha256", SHA256.upper(), f"file://{tmp_path}/source", tmp_path / "file"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "file").read_bytes() == CONTENT, done.stderr
    with pytest.raises(OSError, match="1 tries. Give another address"):
        download(f"file://{tmp_path}/absent", tmp_path / "copy")
    with pytest.raises(ValueError, match="begins with http:, https:, file:"):
        download("ftp://example.org/x", tmp_path / "copy")


FILES = {"top/train/wav.scp": b"u\tWAVE/u.WAV\n", "top/WAVE/u.WAV": b"RIFF" * 1000}


def tar(path: Path, files: dict[str, bytes], link: str = "", mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_archive_of_one_folder_becomes_that_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    for number, archive in enumerate([tar(tmp_path / "t.tgz", FILES), tmp_path / "z.zip"]):
        unpack(archive, tmp_path / f"out{number}")
        assert contents(tmp_path / f"out{number}") == {name[4:]: content for name, content in FILES.items()}
    unpack(tar(tmp_path / "flat.tar", FILES | {"readme": b"x"}, mode="w"), tmp_path / "flat")
    assert contents(tmp_path / "flat") == FILES | {"readme": b"x"}
    with pytest.raises(FileExistsError, match="remove it"):
        unpack(tmp_path / "t.tgz", tmp_path / "flat")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": FILES | {"../outside": b"x"}}, "outside of the folder"),
        ({"files": FILES | {"/outside": b"x"}}, "outside of the folder"),
        ({"files": FILES, "link": "top/link"}, "no plain file"),
        ({"files": {}}, "empty"),
    ],
)
def test_archives_that_are_not_to_be_trusted(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        unpack(tar(tmp_path / "a.tgz", **change), tmp_path / "sub" / "out")
    assert left(tmp_path / "sub") == set()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_archives_that_are_cut_short(tmp_path, share):
    whole = tar(tmp_path / "a.tgz", {**FILES, "top/noise": hashlib.sha256(b"").digest() * 9, "top/x": SHA256.encode()})
    data = whole.read_bytes()
    whole.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match="fetch it again"):
        unpack(whole, tmp_path / "out")
    assert left(tmp_path) == {"a.tgz"}
