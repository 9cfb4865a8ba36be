"""Tests of speechlib.stages.relocate and utils/relocate.py: old paths in lists, and what only looks like them."""

import subprocess

LINES = """a /old/place/data/x.ark:123
b ark:/old/place/y.ark:7[0:3]
c sph2pipe -f wav "/old/place/a b.sph" |
d /old/place
e /old/places/x.ark:1
f /very/old/place/x.ark
g relative/old/place/x.ark
"""


def test_an_old_place_is_replaced_where_it_is_one(root, tmp_path):
    (tmp_path / "data/sub").mkdir(parents=True)
    for name in ("sub/feats.scp", "notes.txt"):
        (tmp_path / "data" / name).write_text(LINES)
    (tmp_path / "data/long.scp").write_text("u /elsewhere/x.ark:1\n" * 9000 + "v /old/place/x.ark:1\n")
    (tmp_path / "data/other.scp").write_text("u /elsewhere/x.ark:1\n")
    times = (tmp_path / "data/other.scp").stat().st_mtime_ns
    (tmp_path / "data/link.scp").symlink_to("sub/feats.scp")
    command = [root / "utils/relocate.py", "/old/place/", "/new \\1", "data"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and "2 lists now name /new \\1/ in place of" not in done.stdout
    assert done.stdout == "relocate.py: 2 lists now name /new \\1 in place of /old/place/\n"
    changed = LINES.replace("/old/place", "/new \\1", 4)
    assert (tmp_path / "data/sub/feats.scp").read_text() == changed and changed.count("/new") == 4
    assert (tmp_path / "data/long.scp").read_text().endswith("x.ark:1\nv /new \\1/x.ark:1\n")
    assert (tmp_path / "data/notes.txt").read_text() == LINES
    assert (tmp_path / "data/other.scp").stat().st_mtime_ns == times and (tmp_path / "data/link.scp").is_symlink()


def test_wrong_calls_are_told(root, tmp_path):
    def message(*words: str) -> str:
        done = subprocess.run([root / "utils/relocate.py", *words], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 1 and done.stdout == ""
        return done.stderr

    assert message("/old", "/new").startswith("Rewrite the lists")
    assert "there is no folder data" in message("/old", "/new", "data")
    assert "expected two absolute paths, got old and /new" in message("old", "/new", ".")
