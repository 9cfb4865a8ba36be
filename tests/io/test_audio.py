"""Audio of every format against soundfile and kaldiio, every kind of bad file, and Kaldi's segments."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import wave

import numpy as np
import pytest

from speechlib.io.audio import BadAudio, UtteranceAudio, audio_info, read_audio, stream_audio, write_wav
from speechlib.io.segments import SegmentError, segment_bounds

soundfile = pytest.importorskip("soundfile")


def wav(
    fmt_tag, bits, data, channels=1, rate=16000, riff_size=None, data_size=None, extra=b"", order="<", fmt_tail=b""
):
    """A WAV file byte by byte, honest or not."""
    block = channels * ((bits + 7) // 8)
    fmt = struct.pack(order + "HHIIHH", fmt_tag, channels, rate, rate * block, block, bits) + fmt_tail
    body = b"WAVEfmt " + struct.pack(order + "I", len(fmt)) + fmt + extra + b"data"
    body += struct.pack(order + "I", len(data) if data_size is None else data_size) + data
    size = struct.pack(order + "I", len(body) if riff_size is None else riff_size)
    return (b"RIFX" if order == ">" else b"RIFF") + size + body


@pytest.fixture
def ramp():
    return np.arange(-8000, 8000, 5, dtype=np.int16)


def put(path, data):
    path.write_bytes(data)
    return str(path)


def reason_of(entry, **options):
    with pytest.raises(BadAudio) as caught:
        read_audio(entry, **options)
    message = str(caught.value)
    assert message.startswith(str(caught.value.source)) and ";" in message  # what, and how to mend it
    return caught.value.reason


# ---------------------------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize(
    "subtype, file_format, tolerance",
    [
        ("PCM_16", "WAV", 0),
        ("PCM_16", "WAVEX", 0),
        ("PCM_24", "WAV", 0),
        ("PCM_24", "WAVEX", 0),
        ("PCM_32", "WAV", 0),
        ("PCM_U8", "WAV", 0),
        ("FLOAT", "WAV", 0),
        ("DOUBLE", "WAV", 0),
        ("FLOAT", "WAVEX", 0),
        ("ULAW", "WAV", 0),
        ("ALAW", "WAV", 0),
        ("PCM_16", "RF64", 0),
        ("PCM_16", "FLAC", 0),
        ("PCM_24", "FLAC", 0),
        ("PCM_16", "NIST", 0),
        ("PCM_24", "NIST", 0),
        ("ULAW", "NIST", 0),
        ("VORBIS", "OGG", 0),
        ("OPUS", "OGG", 0),
        ("MPEG_LAYER_III", "MP3", 0.02),  # mpg123 differs by float rounding with the address of its buffer
        ("PCM_16", "AIFF", 0),
        ("PCM_16", "AU", 0),
        ("IMA_ADPCM", "WAV", 0),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_equals_libsndfile(tmp_path, subtype, file_format, tolerance, channels):
    if channels == 3 and subtype in ("MPEG_LAYER_III", "IMA_ADPCM"):
        channels = 2
    rng = np.random.default_rng(1)
    noise = np.clip(rng.normal(0, 0.2, (8005, channels)), -1, 1)
    path = str(tmp_path / "x")
    soundfile.write(path, noise, 16000, subtype=subtype, format=file_format)
    expected, rate = soundfile.read(path, dtype="float32", always_2d=True)
    info = audio_info(path)
    assert (info.rate, info.channels, info.samples) == (rate, channels, len(expected))
    assert info.duration == len(expected) / rate
    for channel in range(channels):
        samples, rate = read_audio(path, channel=channel, rate=16000)
        assert samples.dtype == np.float32 and rate == 16000
        np.testing.assert_allclose(samples, expected[:, channel] * 32768, rtol=0, atol=tolerance)
        _, blocks = stream_audio(path, 1000, channel=channel)
        np.testing.assert_allclose(np.concatenate(list(blocks)), samples, rtol=0, atol=tolerance)
    if channels > 1:
        assert reason_of(path) == "multichannel"
        assert reason_of(path, channel=channels) == "wrong-channel"
    assert reason_of(path, channel=0, rate=8000) == "wrong-rate"


def test_16_bit_values_are_kept_and_others_scaled_to_their_range(tmp_path, ramp):
    data = ramp.astype("<i2").tobytes()
    assert np.array_equal(read_audio(put(tmp_path / "a.wav", wav(1, 16, data)))[0], ramp)
    big = wav(1, 16, ramp.astype(">i2").tobytes(), order=">")
    assert np.array_equal(read_audio(put(tmp_path / "b.wav", big))[0], ramp)
    floats = (ramp / 32768).astype("<f4").tobytes()
    assert np.array_equal(read_audio(put(tmp_path / "c.wav", wav(3, 32, floats)))[0], ramp)
    longer = (ramp.astype("<i4") * 65536 + 32768).astype("<i4").tobytes()
    assert np.array_equal(read_audio(put(tmp_path / "d.wav", wav(1, 32, longer)))[0], ramp + 0.5)
    assert np.array_equal(read_audio(put(tmp_path / "e.wav", wav(1, 8, b"\x00\x80\xff")))[0], [-32768, 0, 32512])


def test_chunks_before_and_after_the_samples_and_odd_sizes(tmp_path, ramp):
    data = ramp.astype("<i2").tobytes()
    chunks = b"LIST" + struct.pack("<I", 2001) + b"\1" * 2002 + b"fact" + struct.pack("<I", 4) + b"\0" * 4
    contents = wav(1, 16, data, extra=chunks, fmt_tail=b"\0\0") + b"LIST" + struct.pack("<I", 4) + b"tail"
    assert np.array_equal(read_audio(put(tmp_path / "a.wav", contents))[0], ramp)


@pytest.mark.parametrize(
    "riff_size, data_size",
    [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (36, 0), (0xFFFFFFFF, 0xFFFFFFDB)],
)
def test_streaming_headers_mean_until_the_end(tmp_path, ramp, riff_size, data_size):
    contents = wav(1, 16, ramp.astype("<i2").tobytes(), riff_size=riff_size, data_size=data_size)
    path = put(tmp_path / "a.wav", contents)
    assert np.array_equal(read_audio(path)[0], ramp)
    assert np.array_equal(read_audio(f"cat {path} |")[0], ramp)
    assert audio_info(path).samples == len(ramp)


def test_flac_of_undeclared_length(tmp_path):
    x = np.random.default_rng(0).integers(-3000, 3000, 150_001).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, x, 16000, format="FLAC")
    contents = bytearray(buffer.getvalue())
    contents[21] &= 0xF0
    contents[22:26] = bytes(4)  # the total number of samples in STREAMINFO: unknown, as encoders to a pipe leave it
    path = put(tmp_path / "a.flac", contents)
    assert audio_info(path).samples == len(x)
    assert np.array_equal(read_audio(path)[0], x)
    assert np.array_equal(read_audio(path, start=2, end=3)[0], x[32000:48000])


def test_sphere_with_big_endian_and_compressed_samples(tmp_path, ramp):
    def sphere(data, **fields):
        lines = ["NIST_1A", "   1024", "channel_count -i 1", "sample_rate -i 8000"]
        lines += [
            f"{key} -{'i' if isinstance(value, int) else f's{len(value)}'} {value}" for key, value in fields.items()
        ]
        return "\n".join([*lines, "end_head", ""]).encode().ljust(1024) + data

    big = sphere(ramp.astype(">i2").tobytes(), sample_count=len(ramp), sample_n_bytes=2, sample_byte_format="10")
    samples, rate = read_audio(put(tmp_path / "a.sph", big))
    assert np.array_equal(samples, ramp) and rate == 8000
    shorten = sphere(b"ajkg", sample_count=9, sample_coding="pcm,embedded-shorten-v2.00", sample_n_bytes=2)
    assert reason_of(put(tmp_path / "b.sph", shorten)) == "unsupported-codec"
    assert reason_of(put(tmp_path / "c.sph", big[:-2])) == "truncated"
    assert reason_of(put(tmp_path / "d.sph", big[:600])) == "truncated"
    assert reason_of(put(tmp_path / "e.sph", big.replace(b"end_head", b"end_hear"))) == "unreadable"


def test_real_recordings(corpora):
    samples = corpora / "format_samples"
    for name in ("example1.wav", "example2.flac", "example3.sph", "example5.wav"):
        expected, rate = soundfile.read(samples / name, dtype="float32")
        found, found_rate = read_audio(samples / name)
        assert np.array_equal(found, expected * 32768) and rate == found_rate
    silent, _ = read_audio(samples / "pyannote_almost_silent.wav")
    assert len(silent) == 16000  # almost silent is not bad
    assert reason_of(samples / "example4.raw") == "unreadable"
    assert audio_info(corpora / "noise_rir/lhotse_rir/real_8ch.wav").channels == 8
    last, _ = read_audio(corpora / "noise_rir/lhotse_rir/real_8ch.wav", channel=7)
    expected, _ = soundfile.read(corpora / "noise_rir/lhotse_rir/real_8ch.wav", dtype="int16")
    assert np.array_equal(last, expected[:, 7])
    floats = corpora / "ami_30s/raw_float_wav_examples/trn02.wav"
    expected, _ = soundfile.read(corpora / "ami_30s/wav/trn02.flac", dtype="int16")
    assert np.array_equal(read_audio(floats)[0], expected)  # float files that hold 16-bit values


def test_timit_sphere_equals_its_riff_copy(corpora):
    riff = sorted((corpora / "timit/timit_nltk_riff").glob("*/*.wav"))[:5]
    assert riff
    for path in riff:
        region, speaker = path.parent.name.split("-")
        found = list((corpora / "timit/TIMIT").glob(f"*/{region.upper()}/{speaker.upper()}/{path.stem.upper()}.WAV"))
        if found:
            assert np.array_equal(read_audio(path)[0], read_audio(found[0])[0])


# ---------------------------------------------------------------------------------------------------------- bad files


def test_wrong_files_are_named_by_reason(tmp_path, ramp):
    data = ramp.astype("<i2").tobytes()
    good = wav(1, 16, data)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    assert reason_of(put(tmp_path / "a.wav", pointer)) == "lfs-pointer"
    assert (
        reason_of(put(tmp_path / "._a.wav", bytes.fromhex("0005160700020000") + b"Mac OS X" + bytes(60)))
        == "appledouble"
    )
    assert reason_of(put(tmp_path / "b.wav", b"\n<!DOCTYPE html><html>404</html>")) == "html"
    assert reason_of(put(tmp_path / "c.flac", b"hello, this is a README\n")) == "text"
    assert reason_of(put(tmp_path / "d.wav", good[:-1])) == "truncated"
    assert reason_of(put(tmp_path / "e.wav", good[:40])) == "truncated"
    assert reason_of(put(tmp_path / "f.wav", wav(1, 16, b""))) == "empty"
    assert reason_of(put(tmp_path / "g.wav", b"")) == "empty"
    assert reason_of(put(tmp_path / "h.wav", wav(1, 16, b"", riff_size=0))) == "empty"
    assert reason_of(put(tmp_path / "i.wav", bytes(3000))) == "unreadable"
    assert reason_of(put(tmp_path / "j.wav", b"\x1f\x8b\x08" + bytes(range(200)))) == "unreadable"
    assert reason_of(put(tmp_path / "k.m4a", b"\0\0\0\x20ftypM4A " + bytes(range(100)))) == "unsupported-codec"
    assert reason_of(put(tmp_path / "l.wav", wav(0x161, 16, data))) == "unsupported-codec"
    assert (
        reason_of(put(tmp_path / "m.wav", b"RIFF\0\0\0\0WAVEdata" + struct.pack("<I", 4) + b"\0" * 4)) == "unreadable"
    )
    assert reason_of(put(tmp_path / "n.wav", wav(1, 16, data, channels=0))) == "unreadable"
    assert reason_of(tmp_path / "not_there.wav") == "missing"
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "unmounted" / "x.wav")
    assert reason_of(tmp_path / "dangling.wav") == "missing"
    assert reason_of(tmp_path) == "directory"


def test_no_permission(tmp_path, ramp, monkeypatch):
    write_wav(tmp_path / "a.wav", ramp, 16000)

    def refuse(path, flags):  # root may open everything, so chmod would not do
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    assert reason_of(tmp_path / "a.wav") == "permission"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 70_000])
def test_nan_and_infinity(tmp_path, value, where):
    x = np.zeros(80_000, np.float32)
    x[where] = value
    soundfile.write(tmp_path / "a.wav", x, 16000, subtype="FLOAT")
    assert reason_of(tmp_path / "a.wav") == "nan"
    _, blocks = stream_audio(tmp_path / "a.wav", 16000)
    with pytest.raises(BadAudio, match=f"sample {where}"):
        list(blocks)
    x[where] = 3e38  # enormous but finite: the sum overflows, the samples do not
    x[1:3] = 3e38
    soundfile.write(tmp_path / "b.wav", x, 16000, subtype="DOUBLE")
    with pytest.raises(BadAudio):
        read_audio(tmp_path / "b.wav")  # not finite on the scale of 16 bits


@pytest.mark.parametrize("file_format", ["FLAC", "MP3", "NIST", "OGG", "WAV"])
@pytest.mark.parametrize("part", [0.3, 0.99])
def test_truncated_in_every_way_of_reading(tmp_path, file_format, part):
    x = np.random.default_rng(0).integers(-9000, 9000, 200_000).astype(np.int16)
    soundfile.write(tmp_path / "whole", x, 16000, format=file_format)
    whole = (tmp_path / "whole").read_bytes()
    path = put(tmp_path / "part", whole[: int(len(whole) * part)])
    assert reason_of(path) == "truncated"
    assert reason_of(f"cat {path} |") == "truncated"
    with pytest.raises(BadAudio, match="truncated|promises|decoding failed|ends in the middle"):
        list(stream_audio(path, 10_000)[1])


def test_damaged_files_are_bad_audio_and_nothing_else(tmp_path):
    rng = np.random.default_rng(7)
    noise = rng.normal(0, 0.1, 1000)
    formats = [("WAV", "PCM_16"), ("WAVEX", "FLOAT"), ("RF64", "PCM_24"), ("NIST", "PCM_16"), ("FLAC", "PCM_16")]
    formats += [("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
    outcomes = set()
    for file_format, subtype in formats:
        buffer = io.BytesIO()
        soundfile.write(buffer, noise, 16000, format=file_format, subtype=subtype)
        for _ in range(150):
            damaged = bytearray(buffer.getvalue())
            for _ in range(rng.integers(1, 4)):
                damaged[rng.integers(min(len(damaged), 120))] = rng.integers(256)
            if rng.random() < 0.3:
                damaged = damaged[: rng.integers(len(damaged))]
            path = put(tmp_path / "damaged", damaged)
            try:
                read_audio(path, channel=0)
                outcomes.add("ok")
            except BadAudio as error:
                outcomes.add(error.reason)
    assert {"ok", "truncated", "unreadable"} <= outcomes


# ------------------------------------------------------------------------------------------------- pipes and archives


def test_commands_run_in_the_shell_and_must_succeed(tmp_path, ramp):
    path = put(tmp_path / "with 'quote' and space.wav", wav(1, 16, ramp.astype("<i2").tobytes()))
    quoted = "'" + path.replace("'", "'\\''") + "'"
    assert np.array_equal(read_audio(f"cat {quoted} | cat |")[0], ramp)
    assert np.array_equal(read_audio(f"cat {quoted} | ", start=0.01)[0], ramp[160:])
    assert audio_info(f"cat {quoted} |").samples == len(ramp)
    assert reason_of(f"cat {quoted}; echo no disk >&2; exit 3 |") == "command-failed"
    with pytest.raises(BadAudio, match="status 3: no disk"):
        stream_audio(f"cat {quoted}; echo no disk >&2; exit 3 |", 100)
    assert reason_of("true |") == "empty"
    assert reason_of("kill -9 $$ |") == "command-failed"
    assert reason_of("echo hello |") == "text"
    soundfile.write(tmp_path / "a.flac", ramp, 16000)
    assert np.array_equal(read_audio(f"cat {tmp_path}/a.flac |")[0], ramp)
    # a path is never given to a shell
    assert reason_of(f"{tmp_path}/x.wav; touch {tmp_path}/owned") == "missing"
    assert not (tmp_path / "owned").exists()


def test_wave_archives(tmp_path, ramp):
    one, two = wav(1, 16, ramp.astype("<i2").tobytes()), wav(1, 16, ramp[:700].astype("<i2").tobytes())
    path = put(tmp_path / "wav.ark", b"a " + one + b"b " + two)
    assert np.array_equal(read_audio(f"{path}:2")[0], ramp)
    assert np.array_equal(read_audio(f"{path}:{len(one) + 4}")[0], ramp[:700])
    assert reason_of(f"{path}:{len(one) + 5}") == "unsupported-codec"
    assert reason_of(f"{path}:{10**9}") == "truncated"
    assert reason_of(f"{tmp_path}/none.ark:5") == "missing"


# ------------------------------------------------------------------------------------------------------ long recordings


def test_streaming_holds_a_block_and_no_more(tmp_path):
    samples = 4_000_000
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setparams((1, 2, 16000, samples, "NONE", ""))
        for _ in range(40):
            file.writeframes(np.arange(100_000, dtype=np.int16).tobytes())
    for entry in (tmp_path / "long.wav", f"cat {tmp_path}/long.wav |"):
        tracemalloc.start()
        rate, blocks = stream_audio(entry, 50_000, start=1)
        total = 0
        for block in blocks:
            assert len(block) <= 50_000
            total += len(block)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (rate, total) == (16000, samples - 16000)
        assert peak < 2_000_000
    with pytest.raises(ValueError, match="block_samples"):
        stream_audio(tmp_path / "long.wav", 0)


def test_descriptors_are_closed(tmp_path, ramp):
    write_wav(tmp_path / "a.wav", ramp, 16000)
    soundfile.write(tmp_path / "a.flac", ramp, 16000)
    (tmp_path / "bad.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (tmp_path / "wav.scp").write_text(
        "".join(f"r{name} {tmp_path}/{name}\n" for name in ("a.flac", "a.wav", "bad.wav")) + "rpipe cat /dev/null |\n"
    )
    (tmp_path / "segments").write_text("".join(f"s{r} r{r} 0 -1\n" for r in ("a.flac", "a.wav", "bad.wav", "pipe")))
    list(UtteranceAudio(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        list(UtteranceAudio(tmp_path))
        for _ in UtteranceAudio(tmp_path):
            break
        stream = stream_audio(tmp_path / "a.wav", 10)[1]
        next(stream)
        stream.close()
        stream_audio(tmp_path / "a.wav", 10)  # never used
    assert len(os.listdir("/proc/self/fd")) == before


# ------------------------------------------------------------------------------------------------------------- segments


def kaldi_rules(start, end, num_samples, rate):
    """extract-segments' decisions, one by one."""
    length = float(np.float32(np.float32(num_samples) / np.float32(rate)))
    if start > length or end > float(np.float32(np.float32(length) + np.float32(0.5))):
        return "out-of-range"
    if end == -1 or end > length:
        end = length
    if end - start < float(np.float32(0.1)):
        return "too-short"
    return int(np.floor(start * rate + 0.5)), min(num_samples, int(np.floor(end * rate + 0.5)))


def test_segment_rules():
    rng = np.random.default_rng(5)
    for _ in range(3000):
        rate = int(rng.choice([8000, 11025, 16000, 44100]))
        num_samples = int(rng.integers(1, 5 * rate))
        start = round(rng.uniform(0, 5), int(rng.integers(0, 6)))
        end = -1 if rng.random() < 0.1 else round(start + rng.choice([0.1, 0.10001, 0.3, 1, 4]), 5)
        try:
            found = segment_bounds(start, end, num_samples, rate)
        except SegmentError as error:
            found = error.reason
        assert found == kaldi_rules(start, end, num_samples, rate), (start, end, num_samples, rate)


@pytest.mark.parametrize(
    "start, end", [(-0.1, 1), (1, 1), (2, 1), (0, 0), (0, -2), (np.nan, 1), (0, np.nan), (0, np.inf)]
)
def test_invalid_times(start, end):
    with pytest.raises(SegmentError) as caught:
        segment_bounds(start, end, 32000, 16000)
    assert caught.value.reason == "invalid"


def test_segments_equal_kaldi(golden, tmp_path):
    kaldiio = pytest.importorskip("kaldiio")
    entries = [line.split(None, 1) for line in (golden / "wav.scp").read_text().splitlines()]
    (tmp_path / "wav.scp").write_text("".join(f"{key} {golden / path}\n" for key, path in entries))
    (tmp_path / "segments").write_text((golden / "segments").read_text())
    audio = UtteranceAudio(tmp_path, rate=16000)
    found = {utterance: samples for utterance, samples, _ in audio}
    expected = dict(kaldiio.load_ark(str(golden / "io/segments_wav.ark")))
    assert list(found) == list(expected)
    for key, (_, samples) in expected.items():
        assert np.array_equal(found[key], samples)
    assert [(key, reason) for key, reason, _ in audio.skipped] == [("spkA-utt1-0300000-0310000", "too-short")]
    assert audio.bad == []
    for line in (golden / "io/segments_dur").read_text().splitlines():
        key, seconds = line.split()
        assert float(f"{len(found[key]) / 16000:.7g}") == float(seconds)


@pytest.fixture
def data_dir(tmp_path, ramp):
    write_wav(tmp_path / "good.wav", ramp, 16000)
    write_wav(tmp_path / "stereo.wav", np.stack([ramp, -ramp], axis=1), 16000)
    write_wav(tmp_path / "slow.wav", ramp, 8000)
    (tmp_path / "wav.scp").write_text(
        f"r1 {tmp_path}/good.wav\nr2 {tmp_path}/none.wav\nr3 {tmp_path}/stereo.wav\n"
        f"r4\tcat {tmp_path}/good.wav |\nr5 {tmp_path}/slow.wav\nr6 false |\n"
    )
    return tmp_path


def test_bad_utterances_are_skipped_with_a_reason(data_dir, ramp):
    audio = UtteranceAudio(data_dir, rate=16000)
    for _ in range(2):  # a second pass counts afresh
        assert [utterance for utterance, _, _ in audio] == ["r1", "r4"]
        reasons = {utterance: reason for utterance, reason, _ in audio.bad}
        assert reasons == {"r2": "missing", "r3": "multichannel", "r5": "wrong-rate", "r6": "command-failed"}
    audio = UtteranceAudio(data_dir, keys=["r5", "r3"], channel=1)
    assert [utterance for utterance, _, _ in audio] == ["r3"] and audio.bad[0][:2] == ("r5", "wrong-channel")
    assert len(audio) == 2
    with pytest.raises(ValueError, match="wav.scp: 1 of 1 utterances .* r9"):
        UtteranceAudio(data_dir, keys=["r9"])


def test_segments_share_one_opening_and_select_channels(data_dir, ramp, monkeypatch):
    (data_dir / "segments").write_text(
        "a r1 0 0.15\nb r1 0.1 -1\nc r2 0 1\nd r3 0 -1 1\ne r3 0 -1 0\nf r3 0 -1\ng r7 0 1\nh r1 0.1 0.9\n"
        "i r1 x 1\nj r4 0.05 0.3\n"
    )
    from speechlib.io import utterance_audio

    opened = []
    original = utterance_audio.open_recording
    monkeypatch.setattr(utterance_audio, "open_recording", lambda entry: opened.append(entry) or original(entry))
    audio = UtteranceAudio(data_dir)
    found = {utterance: samples for utterance, samples, _ in audio}
    assert np.array_equal(found["a"], ramp[:2400]) and np.array_equal(found["b"], ramp[1600:])
    assert np.array_equal(found["d"], -ramp) and np.array_equal(found["e"], ramp)
    assert np.array_equal(found["j"], ramp[800:])
    assert [row[:2] for row in audio.bad] == [("c", "missing"), ("f", "multichannel"), ("g", "missing")]
    assert [row[:2] for row in audio.skipped] == [("h", "out-of-range"), ("i", "invalid")]
    assert len(opened) == 5  # r1, r2, r3, r1 again, r4


# -------------------------------------------------------------------------------------------------------------- writing


def test_written_files_are_read_back(tmp_path, ramp, caplog):
    write_wav(tmp_path / "a.wav", ramp, 16000)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 16000, len(ramp))
    assert np.array_equal(read_audio(tmp_path / "a.wav")[0], ramp)
    write_wav(tmp_path / "b.wav", np.array([0.4, -0.6, 40000.0, -32768.0]), 8000)
    assert np.array_equal(read_audio(tmp_path / "b.wav")[0], [0, -1, 32767, -32768])
    assert "1 of 4 samples were clipped" in caplog.text
    for samples, rate in (([], 16000), ([np.nan], 16000), ([1.0], 0), ([[[1.0]]], 16000)):
        with pytest.raises(ValueError):
            write_wav(tmp_path / "c.wav", np.array(samples), rate)
    assert not (tmp_path / "c.wav").exists()


def test_plain_wav_needs_neither_soundfile_nor_torch(tmp_path, ramp, root):
    write_wav(tmp_path / "a.wav", ramp, 16000)
    code = (
        "import sys; from speechlib.io.audio import read_audio; read_audio(sys.argv[1]);"
        "assert not {'soundfile', 'torch', 'scipy', 'kaldiio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.wav")], cwd=root, check=True)
