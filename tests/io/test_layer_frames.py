"""Frames of a layer with their times."""

import numpy as np
import pytest

from speechlib.io.layer_frames import LayerFrames
from speechlib.io.tables import open_table


def write(folder, frames, times):
    folder.mkdir(exist_ok=True)
    for name, table in (("frames", frames), ("times", times)):
        with open_table(f"ark,scp:{folder}/{name}.ark,{folder}/{name}.scp") as writer:
            for key, value in table.items():
                writer.write(key, value)


def test_reading(tmp_path):
    frames = {"a": np.ones((3, 2), np.float32), "b": np.zeros((5, 2), np.float32)}
    write(tmp_path, frames, {name: 0.01 * np.arange(len(value)) for name, value in frames.items()})
    layer = LayerFrames(tmp_path)
    assert "a" in layer and "c" not in layer
    found = {name: (values, times) for name, values, times in layer.read(["b", "c", "a"])}
    assert list(found) == ["b", "a"] and found["a"][0].tolist() == frames["a"].tolist()
    assert len(layer.longest_times()) == 5


def test_what_does_not_belong_together(tmp_path):
    with pytest.raises(FileNotFoundError, match="frames.scp: no such file: run steps/extract_frames.sh"):
        LayerFrames(tmp_path)
    write(tmp_path, {"a": np.ones((3, 2), np.float32)}, {"a": np.zeros(4)})
    with pytest.raises(ValueError, match="utterance a has 3 frames but 4 times"):
        list(LayerFrames(tmp_path).read(["a"]))
