"""Files that a user names: in order, below a folder, from a list; nothing is an error."""

import pytest

from speechlib.io.audio_files import named_files


def test_names_folder_and_list_in_this_order(tmp_path):
    for name in ("b/x.WAV", "b/a.flac", "a.mp3", "notes.txt"):
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "list.txt").write_text("one.wav\n\n  two words.wav \n")
    found = named_files(["z.wav"], tmp_path / "audio", tmp_path / "list.txt")
    below = [str(tmp_path / "audio" / name) for name in ("a.mp3", "b/a.flac", "b/x.WAV")]
    assert found == ["z.wav", *below, "one.wav", "two words.wav"] and named_files() == []


def test_folders_and_lists_without_a_file(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "latin.txt").write_bytes("fröhlich.wav".encode("latin-1"))
    with pytest.raises(ValueError, match=r"empty: no audio file below it \(looked for .wav"):
        named_files(folder=tmp_path / "empty")
    with pytest.raises(NotADirectoryError, match="gone: there is no such folder"):
        named_files(folder=tmp_path / "gone")
    with pytest.raises(ValueError, match="empty.txt: no file in it: expected a name a line"):
        named_files(listed=tmp_path / "empty.txt")
    with pytest.raises(ValueError, match="latin.txt: not UTF-8 text"):
        named_files(listed=tmp_path / "latin.txt")
    with pytest.raises(FileNotFoundError):
        named_files(listed=tmp_path / "gone.txt")
