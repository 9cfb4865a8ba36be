"""Crash-safe writing."""

import json
import os
import stat
import subprocess
import sys

import pytest

from speechlib.io.atomic import atomic_write, write_json, write_text


def test_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "out"
    with atomic_write(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert os.listdir(tmp_path) == ["out"]


def test_old_content_survives_an_exception(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path, "w") as file:
        file.write("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_killed_process_leaves_no_half_file(tmp_path, root):
    code = (
        "import os, sys; from speechlib.io.atomic import atomic_write\n"
        "with atomic_write(sys.argv[1]) as f:\n    f.write(b'x' * 100); f.flush(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "out"], cwd=root, check=False)
    assert not (tmp_path / "out").exists()


def test_permissions_follow_the_umask(tmp_path):
    previous = os.umask(0o027)
    try:
        write_text(tmp_path / "out", "x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


def test_symbolic_link_keeps_pointing_at_its_target(tmp_path):
    (tmp_path / "storage").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "storage" / "real")
    write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "storage" / "real").read_text() == "x"


def test_devices_are_written_in_place():
    with atomic_write("/dev/null") as file:
        file.write(b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_long_names_and_missing_folders(tmp_path):
    write_text(tmp_path / ("x" * 250), "x")
    with pytest.raises(FileNotFoundError, match="create it first"):
        write_text(tmp_path / "no" / "file", "x")
    with pytest.raises(ValueError, match="'ab'"), atomic_write(tmp_path / "x", "ab"):
        pass


def test_json_has_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1, "a": [1.5]}
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"b": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text())["b"] == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("mode", ["wb", "w"])
def test_a_full_disk_is_named(mode):
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"), atomic_write("/dev/full", mode) as file:
        file.write(b"x" if mode == "wb" else "x")
