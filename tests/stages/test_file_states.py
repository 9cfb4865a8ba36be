"""Tests of speechlib.stages.file_states: digests wherever the folder is, what lists name, what lies outside."""

import os
from pathlib import Path

import pytest

from speechlib.stages import file_states
from speechlib.stages.file_states import FileStates


@pytest.fixture
def recipe(tmp_path):
    folder = tmp_path / "egs"
    folder.mkdir()
    return folder


def states(folder: Path, *places: Path, run: str = "1") -> FileStates:
    return FileStates(str(folder), [str(folder), *map(str, places)], str(folder / "cache.json"), run)


def write(path: Path, content: str | bytes, seconds: int = 1_000_000_000) -> Path:
    """A file with a time that is long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (seconds, seconds))
    return path


def test_a_digest_does_not_depend_on_the_place(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(file_states, "_CHUNK", 50)  # places lie across the ends of chunks
    old = tmp_path / "old"
    lines = "".join(f"u{i} {{}}/data/x.ark:{i}\n" for i in range(40))
    write(recipe / "a.scp", lines.format(*[recipe] * 40))
    write(recipe / "b.scp", lines.format(*[old] * 40))
    write(recipe / "c.scp", lines.format(*[f"{old}er"] * 40))
    files = states(recipe, old)
    assert files.digest("a.scp") == files.digest("b.scp") != files.digest("c.scp")
    write(recipe / "binary", b"\0" + bytes(recipe) + b"/x")
    write(recipe / "other", b"\0" + bytes(old) + b"/x")
    assert files.digest("binary") != files.digest("other") and files.digest("nothing") is None


def test_an_unchanged_file_is_read_once(recipe, monkeypatch):
    path = write(recipe / "file", "one")
    first = states(recipe)
    digest = first.digest("file")
    first.save()
    again = states(recipe)
    monkeypatch.setattr(again, "_read", lambda path: pytest.fail("read again"))
    assert again.digest("file") == digest
    write(path, "two", 1_000_000_001)
    assert states(recipe).digest("file") != digest
    # A file that has just changed may change again within the clock's step.
    path.write_text("new")
    young = states(recipe)
    digest = young.digest("file")
    young.save()
    state = path.stat()
    path.write_text("NEW")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert states(recipe).digest("file") != digest


def test_what_is_walked(recipe, tmp_path):
    inside = ["d/a", "d/sub/b", "d/split/c"]
    passed = ["d/x.log", "d/log/a", "d/split4utt/1/a", "d/.backup/a", "d/x.tmp", "d/q/y"]
    for name in [*inside, *passed, "e/[1]/z", "e/1/z"]:
        write(recipe / name, "")
    (recipe / "d/circle").symlink_to("../d")
    (tmp_path / "disk").mkdir()
    write(tmp_path / "disk/far", "")
    (recipe / "d/linked").symlink_to(tmp_path / "disk")
    files = states(recipe)
    assert sorted(files.walk(["d"])) == sorted([*inside, "d/linked/far"])
    assert sorted(files.walk([f"{recipe}/d/s*"])) == ["d/split/c", "d/sub/b"]
    assert list(files.walk(["e/[[]1]"])) == ["e/[1]/z"] and list(files.walk(["../disk", "nothing", ".", "/"])) == []


def test_what_lies_outside_is_known_by_size_and_time_once_a_run(recipe, tmp_path):
    corpus = tmp_path / "corpus"
    path = write(corpus / "sub/a.wav", "one")
    found = states(recipe).outside(["../corpus", str(corpus), "..", "/", "d", "../none"])
    assert found.keys() == {"../corpus", str(corpus)}
    files = states(recipe)
    digest = files.outside(["../corpus"])
    files.save()
    write(path, "two", 1_000_000_009)
    assert states(recipe).outside(["../corpus"]) == digest  # the same run
    assert states(recipe, run="2").outside(["../corpus"]) != digest


@pytest.mark.parametrize("most", [0, 100])
def test_what_lists_name(recipe, tmp_path, monkeypatch, most):
    monkeypatch.setattr(file_states, "_MOST_KEPT", most)
    names = {"data/x.ark": "", "a b.wav": "", "data/set/wav.scp": "", "p.sph": ""}
    for name in names:
        write(recipe / name, "1")
    outside = write(tmp_path / "far.wav", "1")
    lists = {
        "feats.scp": (f"u {recipe}/data/x.ark:12[0:3]\n", "data/x.ark"),
        "wav.scp": (f"u {recipe}/a b.wav\n", "a b.wav"),
        "pipe.scp": ("u sph2pipe -f wav ./p.sph |\n", "p.sph"),
        "exp.ini": ("[DATA]\ntrain = data/set\nn = 1/2\n", "data/set/wav.scp"),
    }
    for name, (text, named) in lists.items():
        write(recipe / name, text)

        def named_in(name=name, run="1", **changed: str) -> str | None:
            files = states(recipe, run=run)
            return files.named_in(name, files.digest(name), lambda path: changed.get("state") or files.digest(path))

        before = named_in()
        assert before and named_in() == before and named_in(state="other") != before
        write(recipe / named, "2", 1_000_000_003)
        assert named_in() != before
    write(recipe / "far.scp", f"u {outside}\n")
    before = named_in("far.scp")
    write(outside, "22", 1_000_000_003)
    assert named_in("far.scp", run="2") != before
    write(recipe / "text", "u data/x.ark\n")
    assert named_in("text") is None
