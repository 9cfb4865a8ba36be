"""Counts and contexts of stacks of windows, against torch's convolutions."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from speechlib.nnet.time_windows import TimeGeometry, TimeWindow

windows = st.lists(
    st.builds(TimeWindow, st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)).filter(
        lambda window: window.padding <= window.reach
    ),
    min_size=1,
    max_size=4,
)


@given(windows, st.integers(0, 40), st.integers(1, 60))
def test_counts_and_chunks_are_those_of_convolutions(stack, more, chunk_frames):
    geometry = TimeGeometry(stack)
    num_frames = geometry.min_frames + more

    def convolve(x: torch.Tensor) -> torch.Tensor:
        for window in stack:
            weights = torch.arange(1.0, window.kernel + 1, dtype=torch.float64)[None, None]
            x = torch.nn.functional.conv1d(x, weights, None, window.stride, window.padding, window.dilation).cos()
        return x

    x = torch.randn(1, 1, num_frames, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = convolve(x)
    assert whole.shape[-1] == geometry.num_outputs(num_frames) >= 1
    parts = [
        convolve(x[..., chunk.first : chunk.past])[..., chunk.keep_first : chunk.keep_past]
        for chunk in geometry.chunks(num_frames, chunk_frames)
    ]
    torch.testing.assert_close(torch.cat(parts, dim=-1), whole, atol=1e-12, rtol=0)


def test_chunks_keep_to_their_size():
    geometry = TimeGeometry([TimeWindow(5, padding=2), TimeWindow(7, 2, padding=3)])
    assert (geometry.stride, geometry.left, geometry.field, geometry.min_frames) == (2, 5, 11, 1)
    assert TimeGeometry([TimeWindow(5), TimeWindow(3, 2, 2)]).min_frames == 9
    chunks = list(geometry.chunks(100_000, 1000))
    assert all(chunk.past - chunk.first <= 1000 for chunk in chunks) and len(chunks) <= 102


def test_centres_of_outputs():
    assert TimeGeometry(()).centres(3).tolist() == [0, 1, 2]  # nothing between: one on one
    assert TimeGeometry([TimeWindow(5, padding=2)]).centres(2).tolist() == [0, 1]
    assert TimeGeometry([TimeWindow(5, padding=2), TimeWindow(7, stride=2, padding=3)]).centres(3).tolist() == [0, 2, 4]
    assert TimeGeometry([TimeWindow(5), TimeWindow(3, dilation=2)]).centres(2).tolist() == [4, 5]
    assert TimeGeometry([TimeWindow(2)]).centres(2).tolist() == [0.5, 1.5]
