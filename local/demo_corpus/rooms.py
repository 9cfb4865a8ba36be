"""Impulse responses of drawn shoebox rooms by the image method (Allen and Berkley, JASA 65, 1979), with numpy alone.

Sizes and heights of the rooms are those of the simulated responses of RIRS_NOISES (Ko et al., ICASSP 2017); to keep a
response cheap its tail ends at `_SECONDS` of its size.
"""

import numpy as np

SPEED_OF_SOUND = 343.0  # m/s
_SIDES = {"small": (2.0, 10.0), "medium": (10.0, 30.0), "large": (30.0, 50.0)}  # metres, of the floor
_SECONDS = {"small": 0.25, "medium": 0.5, "large": 0.8}
_HEIGHTS = (2.5, 5.0)
_REFLECTION = (0.5, 0.88)  # pressure coefficient of the walls
_CUT_OFF = 60.0  # Hz: the model's reflections are all positive and pile up below the room's first mode
SIZES = tuple(_SIDES)


def simulate_rir(rng: np.random.Generator, rate: int = 16000, size: str = "small") -> np.ndarray:
    """Draw a room, a source and a microphone, and return what the microphone hears of a click.

    Args:
        rng: draws the room; the same state gives the same response.
        rate: Hz.
        size: small, medium or large.

    Returns:
        (samples,) float64, from the click on, so that the direct sound comes after its way; the largest absolute value
        is 1.

    Raises:
        ValueError: another size, or a rate that is not positive.
    """
    if size not in _SIDES:
        raise ValueError(f"room of size {size!r}: expected {', '.join(SIZES)}")
    if rate <= 0:
        raise ValueError(f"a rate of {rate} Hz: it must be positive")
    room = np.array([*rng.uniform(*_SIDES[size], 2), rng.uniform(*_HEIGHTS)])
    reflection = rng.uniform(*_REFLECTION)
    source = room * rng.uniform(0.2, 0.8, 3)
    # near enough for the direct sound to be the strongest
    direction = rng.normal(size=3)
    microphone = source + direction / np.linalg.norm(direction) * rng.uniform(0.5, 3.0)
    microphone = np.clip(microphone, 0.1 * room, 0.9 * room)
    distances, gains = _images(room, source, microphone, reflection, _SECONDS[size] * SPEED_OF_SOUND, rng)
    response = _place(distances / SPEED_OF_SOUND * rate, gains, int(_SECONDS[size] * rate))
    return _high_pass(response, rate)


def _images(room, source, microphone, reflection, reach, rng):
    """Distances (m) and pressures of all mirror images within reach."""
    axes = []
    for length, origin, receiver in zip(room, source, microphone, strict=True):
        order = np.arange(-int(reach / (2 * length)) - 1, int(reach / (2 * length)) + 2)
        offsets = np.concatenate([2 * order * length + origin, 2 * order * length - origin]) - receiver
        bounces = np.concatenate([np.abs(2 * order), np.abs(2 * order - 1)])
        near = np.abs(offsets) < reach
        axes.append((offsets[near] ** 2, bounces[near]))
    (squares_x, bounces_x), (squares_y, bounces_y), (squares_z, bounces_z) = axes
    floor_squares = np.add.outer(squares_y, squares_z).ravel()
    floor_bounces = np.add.outer(bounces_y, bounces_z).ravel()
    powers = reflection ** np.arange(bounces_x.max() + floor_bounces.max() + 1)
    distances, bounces = [], []
    for square, bounce in zip(squares_x, bounces_x, strict=True):
        within = floor_squares < reach**2 - square
        distances.append(floor_squares[within] + square)
        bounces.append(floor_bounces[within] + bounce)
    distance = np.sqrt(np.concatenate(distances))
    bounce = np.concatenate(bounces)
    gain = powers[bounce] / np.maximum(distance, 0.1)
    # walls that are not quite smooth: without it, a regular room sounds of sweeping echoes
    distance += np.where(bounce > 0, rng.uniform(-0.05, 0.05, len(distance)), 0.0)
    return distance, gain


def _place(positions: np.ndarray, gains: np.ndarray, length: int) -> np.ndarray:
    """Impulses at fractional samples, each shared by its two neighbours."""
    kept = (positions >= 0) & (positions < length - 1)
    positions, gains = positions[kept], gains[kept]
    below = positions.astype(np.int64)
    share = positions - below
    response = np.bincount(below, gains * (1 - share), length)
    return response + np.bincount(below + 1, gains * share, length)


def _high_pass(response: np.ndarray, rate: int) -> np.ndarray:
    size = 2 * len(response)
    frequencies = np.fft.rfftfreq(size, 1 / rate) / _CUT_OFF
    gain = frequencies**2 / (1 + frequencies**2)
    response = np.fft.irfft(np.fft.rfft(response, size) * gain, size)[: len(response)]
    return response / np.abs(response).max()
