"""Files that are made once, and again when they are missing or outdated."""

import pytest

from speechlib.io.made_files import MadeFiles


def test_a_file_is_made_when_missing_changed_or_damaged(tmp_path):
    made = []

    def make(options, text="text"):
        def write(path):
            made.append(path.name)
            path.write_text(text)

        return MadeFiles(tmp_path / "out").make("sub/a.txt", options, write)

    path = make({"x": 1})
    assert path == tmp_path / "out/sub/a.txt" and path.read_text() == "text" and len(made) == 1
    make({"x": 1})
    assert len(made) == 1
    make({"x": 2})
    assert len(made) == 2
    path.unlink()
    make({"x": 2})
    assert len(made) == 3
    path.write_text("cut off")
    make({"x": 2})
    assert len(made) == 4 and path.read_text() == "text"


def test_a_failure_leaves_no_stamp_and_counts_are_kept(tmp_path):
    files = MadeFiles(tmp_path)

    def fail(path):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        files.make("a", {}, fail)
    files.make("a", {}, lambda path: path.write_text("1"))
    files.make("a", {}, fail)
    assert (files.num_made, files.num_kept) == (1, 1)
