"""Predicted speakers: of made voices, in recordings and over a whole table."""

import numpy as np
import pytest

from speechlib.experiments.speaker_labels import StatisticsExtractor, predict_speakers
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.wav_writer import write_wav

VOICES = {"low": (110.0, 500.0), "high": (210.0, 1500.0), "odd": (150.0, 3000.0)}  # pitch and formant, Hz


def voice(name, seconds, seed):
    """A buzz through one resonance, louder and softer three times a second."""
    rng = np.random.default_rng(seed)
    pitch, formant = VOICES[name]
    times = np.arange(int(16000 * seconds)) / 16000
    buzz = sum(
        np.sin(2 * np.pi * k * pitch * times + k) / (1 + ((k * pitch - formant) / 200) ** 2) for k in range(1, 36)
    )
    return 2000 * buzz * (1.2 + np.sin(2 * np.pi * 3 * times + seed)) + rng.normal(0, 20 + seed, len(times))


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Six pieces of a second of a recording of two voices, and six of a recording of one of them alone."""
    folder = tmp_path_factory.mktemp("talk")
    orders = {"two": ["low", "high", "low", "low", "high", "high"], "one": ["low"] * 6}
    rows, truth = [], []
    for number, (name, order) in enumerate(orders.items()):
        pieces = [voice(who, 1.0, 10 * number + place) for place, who in enumerate(order)]
        write_wav(folder / f"{name}.wav", np.concatenate(pieces), 16000)
        rows += [(str(folder / f"{name}.wav"), float(place)) for place in range(6)]
        truth += order
    entries, starts = (list(column) for column in zip(*rows, strict=True))
    samples = Samples(["d"] * 12, entries, entries, np.array(starts), np.array(starts) + 1, [None] * 12)
    return samples, truth


@pytest.fixture
def ini(tmp_path):
    def make(*lines):
        path = tmp_path / "exp.ini"
        path.write_text(f"[EXP]\nroot = {tmp_path}\n[DATA]\ndatabases = []\n[PREDICT]\n" + "\n".join(lines))
        return ExperimentIni(path)

    return make


def same_partition(labels, truth):
    return len(set(zip(labels, truth, strict=True))) == len(set(labels)) == len(set(truth))


def test_recordings_have_speakers_of_their_own(talk, ini):
    samples, truth = talk
    said = []
    labels = predict_speakers(ini(), samples, said.append, ["two"] * 6 + ["one"] * 6)
    assert labels[0] == "two:speaker1" and same_partition(labels[:6], truth[:6])
    assert labels[6:] == ["one:speaker1"] * 6
    assert any("statistics of MFCCs, which is rough" in line for line in said)
    assert said[-1] == "3 predicted speakers of 12 samples in 2 recordings"


def test_over_the_table_a_voice_of_two_recordings_is_one_speaker(talk, ini):
    samples, truth = talk
    labels = predict_speakers(ini(), samples, lambda line: None)
    assert labels[:2] == ["speaker1", "speaker2"] and same_partition(labels, truth)


@pytest.mark.parametrize("line, count", [("speaker.number = 4", 4), ("speaker.threshold = 1.99", 1),
                                         ("speaker.threshold = 0.001", 12)])  # fmt: skip
def test_a_number_or_a_threshold_decides(talk, ini, line, count):
    assert len(set(predict_speakers(ini(line), talk[0], lambda line: None))) == count


def test_one_sample_or_equal_samples_are_one_speaker(talk, ini):
    samples = talk[0].take([0])
    assert predict_speakers(ini(), samples, lambda line: None) == ["speaker1"]
    assert predict_speakers(ini(), samples.take([0, 0, 0, 0]), lambda line: None) == ["speaker1"] * 4


def test_a_network_gives_the_embeddings(talk, ini, tmp_path, monkeypatch):
    class Network:
        def __init__(self, folder, layer, feats_config):
            assert folder.path == tmp_path / "net" and layer is None and feats_config is None

        def embed(self, samples, rate):
            spectrum = np.abs(np.fft.rfft(samples[:8000]))[:2000]
            return spectrum.reshape(20, -1).mean(1).astype(np.float32)

    monkeypatch.setattr("speechlib.experiments.speaker_network.SpeakerNetwork", Network)
    (tmp_path / "net").mkdir()
    for name in ("config.yaml", "model.pt"):
        (tmp_path / "net" / name).write_text(name)
    said = []
    samples, truth = talk
    labels = predict_speakers(ini(f"speaker.model = {tmp_path}/net"), samples, said.append)
    assert same_partition(labels, truth) and not any("rough" in line for line in said)
    threshold = f"speaker.model = {tmp_path}/net\nspeaker.threshold = 0.3"
    assert same_partition(predict_speakers(ini(threshold), samples, said.append), truth)


@pytest.mark.parametrize(
    "lines, message",
    [
        (["speaker.threshold = 2.5"], r"exp.ini:6: \[PREDICT\] speaker.threshold: expected a distance between 0 and 2"),
        (["speaker.threshold = 1", "speaker.number = 2"], "no speaker.threshold beside it"),
        (["speaker.number = 0"], "expected 1 speaker or more"),
        (["speaker.number = 13"], "there are 12 samples for 13 speakers"),
        (["speaker.model = gone"], "there is no folder gone"),
    ],
)
def test_wrong_keys_are_errors(talk, ini, lines, message):
    with pytest.raises(ValueError, match=message):
        predict_speakers(ini(*lines), talk[0], lambda line: None)


def test_short_samples_and_too_many_are_errors(talk, ini, monkeypatch):
    samples = talk[0].take([0, 1])
    samples.ends[:] = samples.starts + 0.1
    with pytest.raises(ValueError, match="2 samples give no mfcc_statistics:\n.*10 frames of 10 ms: .* takes 20"):
        predict_speakers(ini(), samples, lambda line: None)
    monkeypatch.setattr("speechlib.experiments.speaker_labels.MOST_ITEMS", 11)
    with pytest.raises(ValueError, match="12 samples to cluster, 11 are possible"):
        predict_speakers(ini(), talk[0], lambda line: None)


def test_statistics_are_mean_and_covariance_of_voiced_frames():
    extractor = StatisticsExtractor()
    speech = voice("low", 1.0, 0)
    padded = np.concatenate([speech, np.zeros(8000)]).astype(np.float32)
    values = extractor.compute(padded, 16000)
    assert len(values) == 19 + 19 * 20 // 2 == len(extractor.names(len(values)))
    alone = extractor.compute(speech.astype(np.float32), 16000)
    assert values[:19] == pytest.approx(alone[:19], abs=3)  # the silence behind it does not count
