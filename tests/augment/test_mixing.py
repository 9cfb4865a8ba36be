"""Augmented copies: SNRs of every kind, rooms, repetition, silence, determinism, rounding to 16 bits."""

import numpy as np
import pytest

from speechlib.augment.clips import ArrayClip, read_repeated
from speechlib.augment.mixing import Sounds, make_copy
from speechlib.augment.online import Augmenter
from speechlib.augment.options import KINDS, AugmentOptions
from speechlib.augment.reverberation import early_power, power, reverberate
from speechlib.augment.written import reached_snrs, to_int16

RATE = 16000


def speech(rng, seconds=3.0, level=1000.0):
    count = int(seconds * RATE)
    envelope = np.interp(np.arange(count), np.linspace(0, count, 12), rng.uniform(0, 1, 12))
    return (level * envelope * rng.normal(size=count)).astype(np.float32)


def clips(rng, name, seconds, channels=1, number=3):
    shape = (int(seconds * RATE), channels)
    return [ArrayClip(f"{name}{index}", rng.normal(0, 300, shape)) for index in range(number)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def sounds(rng):
    noises = {"noise": clips(rng, "noise", 0.7, 2), "music": clips(rng, "music", 9), "speech": clips(rng, "talk", 1.1)}
    decay = np.exp(-np.arange(4000) / 800)
    response = rng.normal(size=4000) * decay * 0.1
    response[100] = 1.0
    return Sounds(noises, {"smallroom": [ArrayClip("room", response)]})


def snr_of(part, reference_power):
    return 10 * np.log10(reference_power / power(part.samples))


@pytest.mark.parametrize("kind", [*KINDS, "reverb+noise", "reverb+babble"])
@pytest.mark.parametrize("level", [1000.0, 5000.0, 3.0])
def test_each_sound_is_at_its_snr_in_the_written_samples(rng, sounds, kind, level):
    options = AugmentOptions()
    allowed = {"noise": options.fg_snrs, "music": options.bg_snrs, "babble": options.babble_snrs}
    for _ in range(3):
        samples = speech(rng, level=level)
        before = samples.copy()
        copy = make_copy(samples, kind, sounds, options, rng, RATE)
        written, factor = to_int16(copy)
        assert np.array_equal(samples, before), "the original was changed"
        assert written.dtype == np.int16 and written.shape == samples.shape
        assert power(copy.samples) == pytest.approx(power(samples), rel=1e-3)
        assert level > 10 or kind == "reverb" or factor > 1  # else the noise would be lost in the rounding
        asked = [part.snr for part in copy.parts]
        assert np.abs(np.array(reached_snrs(written, copy)) - asked).max(initial=0) < 0.05
        assert set(asked) <= set(allowed.get(kind.split("+")[-1], ()))
        assert bool(copy.room) == ("reverb" in kind)
        total = copy.speech.copy()
        for part in copy.parts:
            total[part.start : part.start + len(part.samples)] += part.samples
        np.testing.assert_allclose(total, copy.samples, atol=1e-2)


def test_the_snr_counts_from_the_original_and_needs_no_bookkeeping(rng, sounds):
    """With one sound over all of it and no normalisation, what was added is the difference of both files."""
    samples = speech(rng)
    copy = make_copy(samples, "music", sounds, AugmentOptions(bg_snrs=(8.0,), normalize=False), rng, RATE)
    written, factor = to_int16(copy)
    assert factor == 1 and copy.gain == 1
    assert 10 * np.log10(power(samples) / power(written - samples)) == pytest.approx(8.0, abs=0.02)


def test_measuring_finds_a_wrong_snr(rng, sounds):
    copy = make_copy(speech(rng), "music", sounds, AugmentOptions(bg_snrs=(5.0,)), rng, RATE)
    part = copy.parts[0]
    written, _ = to_int16(copy)
    louder = np.rint(copy.samples + 0.1 * part.samples)
    assert reached_snrs(written, copy)[0] == pytest.approx(5.0, abs=0.02)
    assert reached_snrs(louder, copy)[0] == pytest.approx(5.0 - 20 * np.log10(1.1), abs=0.02)
    noisier = written + 2 * copy.parts[0].samples.std() * rng.normal(size=len(written))
    assert reached_snrs(noisier, copy)[0] < 0


def test_after_a_room_the_snr_counts_from_the_early_reflections(rng, sounds):
    samples = speech(rng)
    options = AugmentOptions(fg_snrs=(10.0,), normalize=False)
    copy = make_copy(samples, "reverb+noise", sounds, options, rng, RATE)
    response = sounds.responses["smallroom"][0].read(0, 4000, 0)
    scale = power(samples) / power(reverberate(samples, response))
    reference = scale * early_power(samples, response, RATE)
    assert [snr_of(part, reference) for part in copy.parts] == pytest.approx([10.0] * len(copy.parts), abs=0.01)
    assert reference < power(samples)


def test_noises_follow_each_other_at_the_interval(rng, sounds):
    copy = make_copy(speech(rng, 6.0), "noise", sounds, AugmentOptions(fg_interval=0.5), rng, RATE)
    assert [part.start / RATE for part in copy.parts] == pytest.approx([0, 1.2, 2.4, 3.6, 4.8])
    assert {part.channel for part in copy.parts} == {0, 1}
    copy = make_copy(speech(rng, 6.0), "noise", sounds, AugmentOptions(fg_interval=0), rng, RATE)
    ends = [part.start + len(part.samples) for part in copy.parts]
    assert [part.start for part in copy.parts[1:]] == ends[:-1] and ends[-1] == 6 * RATE
    # no piece shorter than a tenth of a second behind others
    copy = make_copy(speech(rng, 1.25), "noise", sounds, AugmentOptions(fg_interval=0.5), rng, RATE)
    assert len(copy.parts) == 1


def test_babble_has_as_many_speakers_as_the_list_says(rng, sounds):
    numbers = {len(make_copy(speech(rng, 0.5), "babble", sounds, AugmentOptions(), rng, RATE).parts) for _ in range(60)}
    assert numbers == {3, 4, 5, 6, 7}


def test_babble_of_other_speakers_is_asked_of_the_caller(rng):
    asked = []

    def babble(generator, speaker):
        asked.append(speaker)
        return clips(generator, "other", 0.3, number=1)[0]

    options = AugmentOptions(kinds=("babble",), babble_speakers=(2,), probability=1.0)
    Augmenter({}, {}, options, RATE, babble)(speech(rng), rng, "mary")
    assert asked == ["mary", "mary"]
    with pytest.raises(ValueError, match="babble is asked for"):
        Augmenter({}, {}, options)


def test_short_sounds_are_repeated_and_long_ones_begin_anywhere(rng):
    clip = ArrayClip("a", np.arange(5.0))
    assert read_repeated(clip, 3, 9, 0).tolist() == [3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert read_repeated(clip, 1, 3, 0).tolist() == [1, 2, 3]
    ramp = ArrayClip("ramp", 100 + np.arange(RATE * 4.0))
    sounds = Sounds({"music": [ramp]})
    options = AugmentOptions(bg_snrs=(0.0,))
    begins = set()
    for _ in range(5):
        heard = make_copy(speech(rng, 1.0), "music", sounds, options, rng, RATE).parts[0].samples
        step = heard[1] - heard[0]
        begins.add(round(float(heard[0] / step)))
    assert len(begins) == 5 and max(begins) > RATE


def test_the_same_generator_gives_the_same_bits(sounds):
    for kind in KINDS:
        first, again, other = (
            make_copy(
                speech(np.random.default_rng(5)), kind, sounds, AugmentOptions(), np.random.default_rng(seed), RATE
            )
            for seed in (1, 1, 2)
        )
        assert np.array_equal(first.samples, again.samples)
        assert kind == "reverb" or not np.array_equal(first.samples, other.samples)


def test_silent_clips_are_passed_over_and_nothing_but_silence_is_an_error(rng, sounds):
    dead = ArrayClip("dead", np.zeros(30 * RATE))
    for kind in ("noise", "music"):
        mixed = Sounds({kind: [dead, *sounds.noises[kind]]})
        copies = [make_copy(speech(rng), kind, mixed, AugmentOptions(), rng, RATE) for _ in range(20)]
        assert any("dead" in copy.silent for copy in copies)
        assert all(part.name != "dead" for copy in copies for part in copy.parts)
        with pytest.raises(ValueError, match="digital silence, the last dead"):
            make_copy(speech(rng), kind, Sounds({kind: [dead]}), AugmentOptions(), rng, RATE)
    rooms = {"smallroom": [dead, *sounds.responses["smallroom"]]}
    copies = [make_copy(speech(rng), "reverb", Sounds({}, rooms), AugmentOptions(), rng, RATE) for _ in range(10)]
    assert {copy.room for copy in copies} == {"room"} and any(copy.silent for copy in copies)
    with pytest.raises(ValueError, match="impulse responses are all zero, the last dead"):
        make_copy(speech(rng), "reverb", Sounds({}, {"x": [dead]}), AugmentOptions(), rng, RATE)


def test_silent_speech_has_no_snr(rng, sounds):
    with pytest.raises(ValueError, match="digital silence"):
        make_copy(np.zeros(1000, np.float32), "noise", sounds, AugmentOptions(), rng, RATE)
    crop = np.zeros(1000, np.float32)
    assert Augmenter(sounds.noises, sounds.responses, AugmentOptions(probability=1.0))(crop, rng) is crop


def test_a_loud_mix_is_scaled_down_and_not_clipped(rng, sounds):
    samples = np.clip(speech(rng, level=20000), -32768, 32767)
    copy = make_copy(samples, "noise", sounds, AugmentOptions(fg_snrs=(0.0,)), rng, RATE)
    written, factor = to_int16(copy)
    assert np.abs(copy.samples).max() > 32767 and factor < 1
    assert np.abs(written.astype(int)).max() == 32767
    assert np.abs(written - copy.samples * factor).max() <= 0.51
    assert max(abs(snr) for snr in reached_snrs(written, copy)) < 0.05


def test_rooms_are_drawn_alike_and_others_only_where_there_are_none(rng):
    spikes = {
        room: [ArrayClip(f"{room}{i}", np.array([1.0])) for i in range(n)]
        for room, n in (("smallroom", 1), ("mediumroom", 30), ("largeroom", 5))
    }
    drawn = [
        make_copy(speech(rng, 0.1), "reverb", Sounds({}, spikes), AugmentOptions(), rng, RATE).room for _ in range(200)
    ]
    assert 70 < sum(room.startswith("small") for room in drawn) < 130
    assert not any(room.startswith("large") for room in drawn)
    large = Sounds({}, {"largeroom": spikes["largeroom"]})
    assert make_copy(speech(rng, 0.1), "reverb", large, AugmentOptions(), rng, RATE).room.startswith("large")


def test_online_leaves_the_asked_share_clean(rng, sounds):
    augmenter = Augmenter(sounds.noises, sounds.responses, AugmentOptions(probability=0.25))
    crop = speech(rng, 0.2)
    changed = sum(augmenter(crop, rng) is not crop for _ in range(200))
    assert 30 < changed < 70
    assert augmenter(crop, rng).dtype == np.float32
    assert Augmenter({}, {}, AugmentOptions(probability=0.0))(crop, rng) is crop


def test_online_noise_may_have_begun_before_the_crop(rng):
    ramp = ArrayClip("ramp", 1000 + np.arange(RATE * 5.0))
    augmenter = Augmenter({"noise": [ramp]}, {}, AugmentOptions(kinds=("noise",), fg_snrs=(-40.0,), probability=1.0))
    starts = set()
    for _ in range(20):
        heard = augmenter(speech(rng, 2.0, 100), rng)
        begin = round(float(heard[0] / (heard[1600] - heard[0]) * 1600))
        starts.add(begin // 5000)
    assert len(starts) > 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kinds": ()}, "kinds is empty"),
        ({"kinds": ("nois",)}, "'nois' is not known"),
        ({"kinds": ("noise+reverb",)}, "not known"),
        ({"kinds": ("noise+music",)}, "only reverb"),
        ({"fg_snrs": ()}, "fg_snrs is empty"),
        ({"bg_snrs": (100.0,)}, "-60 to 60"),
        ({"babble_speakers": (0, 3)}, "at least one"),
        ({"fg_interval": -1.0}, "negative"),
        ({"probability": 1.5}, r"\[0, 1\]"),
        ({"speeds": (0.0,)}, "speeds"),
    ],
)
def test_options_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        AugmentOptions(**values)


def test_kinds_without_sounds_are_named(sounds):
    with pytest.raises(ValueError, match="music is asked for, .* there is noise"):
        Augmenter({"noise": sounds.noises["noise"]}, {}, AugmentOptions(kinds=("music",)))
    with pytest.raises(ValueError, match="no impulse response"):
        Augmenter(sounds.noises, {"smallroom": []}, AugmentOptions())
