"""Recordings opened for random access: uncompressed files by our own code, all others through libsndfile (soundfile).

An entry is the value of a wav.scp line: a path, a command that ends in `|` (run by /bin/sh, as Kaldi does), or
`file.ark:OFFSET`, a WAV file inside an archive.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from speechlib.io.bad_audio import BadAudio, diagnose
from speechlib.io.ogg import ends_within_page, is_ogg
from speechlib.io.pcm import PcmLayout, decode
from speechlib.io.riff import is_riff, parse_riff
from speechlib.io.sphere import is_sphere, parse_sphere

if TYPE_CHECKING:
    import soundfile

_HEAD_BYTES = 512
_IN_ARCHIVE = re.compile(r"(.+):(\d{1,18})", re.DOTALL)
_COPY_AGAIN = "copy or download it again"


class Recording:
    """One open recording: `rate`, `channels`, `samples` (of one channel) and `read`. Use it as a context manager."""

    rate: int
    channels: int
    samples: int
    source: str
    fd: int

    def read(self, begin: int, end: int, channel: int = 0) -> np.ndarray:
        """Samples begin..end-1 of one channel, (end - begin,) float32 in int16 range.

        Raises:
            BadAudio: truncated, nan, or unreadable in the middle.
        """
        raise NotImplementedError

    def choose_channel(self, channel: int | None, rate: int | None = None) -> int:
        """Check the rate where one is expected, and the channel that is wanted (counted from 0; None: the only one).

        Raises:
            BadAudio: wrong-rate, multichannel or wrong-channel.
        """
        if rate is not None and rate != self.rate:
            raise BadAudio(
                "wrong-rate",
                self.source,
                f"{self.rate} Hz where {rate} Hz are expected",
                "resample it, or set the sampling rate of the configuration",
            )
        if channel is None:
            if self.channels != 1:
                raise BadAudio(
                    "multichannel",
                    self.source,
                    f"{self.channels} channels where one is expected",
                    f"choose a channel from 0 to {self.channels - 1}, or mix it to mono",
                )
            return 0
        if not 0 <= channel < self.channels:
            raise BadAudio(
                "wrong-channel",
                self.source,
                f"no channel {channel}: there are {self.channels}, counted from 0",
                "correct the channel",
            )
        return channel

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_finite(samples: np.ndarray, source: str, begin: int) -> None:
    # a sum is ten times faster than isfinite, and only a sum that is not finite needs the second look
    if not np.isfinite(samples.sum(dtype=np.float64)):
        where = np.flatnonzero(~np.isfinite(samples))
        if where.size:
            raise BadAudio(
                "nan",
                source,
                f"{where.size} samples are NaN or infinite, the first is sample {begin + where[0]}",
                "write the file again from its source",
            )


class _PcmRecording(Recording):
    def __init__(self, fd: int, base: int, size: int, layout: PcmLayout, source: str) -> None:
        available = size - layout.data_offset
        promised = layout.data_bytes
        if promised is None:
            promised = available
        frame_bytes = layout.frame_bytes
        if promised > available:
            raise BadAudio(
                "truncated",
                source,
                f"the header promises {promised // frame_bytes} samples, {max(0, available) // frame_bytes} are there",
                _COPY_AGAIN,
            )
        self.fd = fd
        self.source = source
        self.rate = layout.rate
        self.channels = layout.channels
        self.samples = promised // frame_bytes
        self._layout = layout
        self._data = base + layout.data_offset

    def read(self, begin: int, end: int, channel: int = 0) -> np.ndarray:
        frame_bytes = self._layout.frame_bytes
        raw = np.empty((end - begin) * frame_bytes, np.uint8)
        view = memoryview(raw)
        offset = self._data + begin * frame_bytes
        while view:  # one call reads 2 GiB at most
            count = os.preadv(self.fd, [view], offset)
            if not count:
                raise BadAudio("truncated", self.source, "the file became shorter while it was read", _COPY_AGAIN)
            view = view[count:]
            offset += count
        samples = decode(raw, self._layout, channel)
        if self._layout.encoding == "float":
            _check_finite(samples, self.source, begin)
        return samples


class _SoundfileRecording(Recording):
    """FLAC, Ogg Vorbis and Opus, MP3 and what else libsndfile reads."""

    _BLOCK = 1 << 16

    def __init__(self, fd: int, source: str, head: bytes) -> None:
        try:
            import soundfile
        except ImportError as error:
            raise ImportError(f"{source} needs the package soundfile: pip install soundfile ({error})") from error

        class Forward(soundfile.SoundFile):
            # soundfile seeks after every read when the file is seekable: that fails at the end of a FLAC stream
            # of undeclared length, and costs time elsewhere
            def seekable(self) -> bool:
                return False

        self._errors = soundfile.LibsndfileError
        self._open_file = lambda: self._open(Forward, fd)
        self.fd = fd
        self.source = source
        try:
            self._file: soundfile.SoundFile = self._open_file()
        except (self._errors, TypeError) as error:
            kind = _known_format(head)
            if kind is None:
                raise diagnose(head, source) from error
            raise BadAudio(
                "unsupported-codec" if kind == "media" else "unreadable",
                source,
                f"libsndfile says: {getattr(error, 'error_string', error)}",
                "convert it to WAV or FLAC",
            ) from error
        self.rate = self._file.samplerate
        self.channels = self._file.channels
        self._position = 0
        self.samples = self._file.frames
        if self.samples > 1 << 48:  # a FLAC stream written to a pipe: its length is known only after decoding
            self.samples = self._skip(self.samples)
            self._rewind()

    @staticmethod
    def _open(file_type: type[soundfile.SoundFile], fd: int) -> soundfile.SoundFile:
        os.lseek(fd, 0, os.SEEK_SET)
        return file_type(fd, closefd=False)

    def _rewind(self) -> None:
        self._file.close()
        self._file = self._open_file()
        self._position = 0

    def _skip(self, count: int) -> int:
        done = 0
        while done < count:
            read = len(self._read(min(max(1, self._BLOCK // self.channels), count - done)))
            if not read:
                break
            done += read
        return done

    def _read(self, count: int) -> np.ndarray:
        try:
            block = self._file.read(count, dtype="float32", always_2d=True)
        except self._errors as error:
            raise BadAudio(
                "truncated", self.source, f"decoding failed after sample {self._position}: {error}", _COPY_AGAIN
            ) from error
        self._position += len(block)
        return block

    def _seek(self, begin: int) -> None:
        if begin == self._position:
            return
        try:
            self._position = self._file.seek(begin)
        except self._errors:
            self._rewind()
            self._skip(begin)

    def read(self, begin: int, end: int, channel: int = 0) -> np.ndarray:
        try:
            samples = np.empty(end - begin, np.float32)
            done = self._decode_into(samples, begin, channel)
        except MemoryError:  # a damaged header may promise years of audio
            done = 0
        if done < end - begin:
            raise BadAudio(
                "truncated",
                self.source,
                f"the header promises {self.samples} samples, {begin + done} could be decoded",
                _COPY_AGAIN,
            )
        _check_finite(samples, self.source, begin)
        return samples

    def _decode_into(self, samples: np.ndarray, begin: int, channel: int) -> int:
        self._seek(begin)
        done = 0
        while done < len(samples):
            # a single channel goes in one call, several in blocks, so that only one channel is held in full
            count = len(samples) - done
            block = self._read(count if self.channels == 1 else min(count, max(1, self._BLOCK // self.channels)))
            if not len(block):
                break
            np.multiply(block[:, channel], np.float32(32768.0), out=samples[done : done + len(block)])
            done += len(block)
        return done

    def close(self) -> None:
        self._file.close()
        super().close()


def _known_format(head: bytes) -> str | None:
    """ "audio" for what libsndfile should have read, "media" for formats and codecs beyond it, None for neither."""
    if head[:4] in (b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"riff") or head[:3] == b"ID3":
        return "audio"
    media = (b"RIFF", b"RIFX", b"RF64", b"\x1aE\xdf\xa3", b"0&\xb2u", b"#!AM")  # Matroska, WMA, AMR
    if head[4:8] == b"ftyp" or head[:4] in media or head[:2] in (b"\xff\xf1", b"\xff\xf9"):  # MP4, AAC
        return "media"
    return None


def _spool(command: str) -> int:
    """Run a command of wav.scp and return a nameless file (in $TMPDIR) that holds its output.

    The whole output is awaited, so that the exit status is known before the first sample is used and memory stays
    small whatever the length.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        # shell: as Kaldi, whose pipes go through popen(); they come from the user's own data directory
        done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        if done.returncode:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 500))
            said = " ".join(errors.read().decode("utf-8", "replace").split())
            ended = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
            raise BadAudio(
                "command-failed",
                f"{command} |",
                f"the command ended with {ended}{': ' + said if said else ''}",
                "run it by hand and correct wav.scp",
            )
        return os.dup(output.fileno())


def _open_path(path: str) -> int:
    if "\0" in path:
        raise BadAudio("unreadable", path, "a zero byte in the name of a file", "correct the path in wav.scp")
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            link = os.path.islink(path)
            raise BadAudio(
                "missing",
                path,
                f"a link to {os.readlink(path)}, which is not there" if link else "no such file",
                "mount or fetch the data that it points to" if link else "correct the path in wav.scp",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise BadAudio("permission", path, "no permission to read it", "chmod or chown it") from error
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO):
            raise BadAudio("unreadable", path, error.strerror, "correct the path in wav.scp") from error
        raise


def open_recording(entry: str | os.PathLike) -> Recording:
    """Open one entry of wav.scp.

    Raises:
        BadAudio: with a reason, for everything that is wrong with the file or command itself.
        OSError: the machine fails (too many open files, input/output error).
    """
    source = os.fspath(entry).strip()
    base = 0
    path = source
    if source.endswith("|"):
        fd = _spool(source[:-1].strip())
    else:
        within = _IN_ARCHIVE.fullmatch(source) if source[-1:].isdigit() else None
        if within:
            path, base = within[1], int(within[2])
        fd = _open_path(path)
    try:
        return _recognise(fd, base, source)
    except BaseException:
        os.close(fd)
        raise


def _recognise(fd: int, base: int, source: str) -> Recording:
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise BadAudio("directory", source, "a directory, not a file", "name the audio file in it")
    if not stat.S_ISREG(status.st_mode):
        raise BadAudio(
            "unreadable", source, "not a regular file", f"read it through a command in wav.scp: `cat {source} |`"
        )
    size = status.st_size - base

    def pread(count: int, offset: int) -> bytes:
        return os.pread(fd, count, base + offset)

    head = pread(_HEAD_BYTES, 0)
    layout = None
    if is_riff(head):
        layout = parse_riff(pread, head, size, source)
    elif is_sphere(head):
        layout = parse_sphere(pread, size, source)
    elif size < 0 or (base and not head):
        raise BadAudio("truncated", source, f"the archive ends before offset {base}", "write the archive again")
    if layout is not None:
        if base and layout.data_bytes is None:
            raise BadAudio(
                "unreadable", source, "its header does not say where it ends in the archive", "write the archive again"
            )
        recording: Recording = _PcmRecording(fd, base, size, layout, source)
    elif base:
        raise BadAudio(
            "unsupported-codec",
            source,
            "neither WAV nor SPHERE at that place of the archive",
            "correct the offset, or keep compressed audio in files of its own",
        )
    elif not head:
        raise diagnose(head, source)
    elif is_ogg(head) and ends_within_page(pread, size):
        raise BadAudio("truncated", source, "the Ogg file ends in the middle of a page", _COPY_AGAIN)
    else:
        recording = _SoundfileRecording(fd, source, head)
    if recording.samples <= 0:
        if not isinstance(recording, _PcmRecording):
            recording._file.close()
        raise BadAudio("empty", source, "no samples after the header", "leave it out or fetch it again")
    return recording
