"""espeak-ng as a phoneme-timed synthesiser, through the library inside the espeakng-loader wheel (ctypes)."""

import ctypes
from dataclasses import dataclass

import numpy as np

# Constants of espeak-ng's speak_lib.h.
_OUTPUT_RETRIEVAL = 1
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_EVENT_LIST_TERMINATED, _EVENT_PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_POS_CHARACTER, _CHARS_UTF8 = 1, 1
_SEPARATOR = "."  # between phonemes in text_to_phonemes; no English mnemonic of espeak-ng holds it
_STRESS = "'"
_MARKS = "',%="  # stress marks that may precede a mnemonic


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class EspeakError(RuntimeError):
    """The synthesiser is missing or refused its input."""


@dataclass(frozen=True)
class PhonemeEvent:
    """One espeak-ng phoneme: its first sample, its mnemonic without stress marks, and whether it bears stress."""

    start: int
    mnemonic: str
    stressed: bool


@dataclass(frozen=True)
class Speech:
    """int16 samples (samples,) at `rate`, and the phoneme events in order of time."""

    samples: np.ndarray
    rate: int
    events: tuple[PhonemeEvent, ...]


def _load_library() -> tuple[ctypes.CDLL, str]:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EspeakError(
            "the demo corpus needs espeak-ng, which the package espeakng-loader carries (GPL-3): "
            "pip install espeakng-loader"
        ) from error
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise EspeakError(
            f"espeak-ng's library does not load ({error}): reinstall it with "
            "pip install --force-reinstall espeakng-loader"
        ) from error
    return library, espeakng_loader.get_data_path()


class Synthesiser:
    """espeak-ng with its sample-accurate phoneme events; at most one in a process, because espeak-ng's state is global.

    What espeak-ng says depends on everything that it said before in the same process. The same audio every time
    therefore takes a fresh process, `seed`, and the same order of calls.
    """

    def __init__(self, seed: int):
        self._library, data_path = _load_library()
        self.rate = self._library.espeak_Initialize(
            _OUTPUT_RETRIEVAL, 0, data_path.encode(), _PHONEME_EVENTS | _DONT_EXIT
        )
        if self.rate <= 0:
            raise EspeakError(f"espeak-ng did not start (code {self.rate}) on its data in {data_path}")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._pcm: list[bytes] = []
        self._events: list[PhonemeEvent] = []
        self._callback = _Callback(self._receive)  # kept: ctypes does not own it
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))

    def _receive(self, wav, count, events) -> int:
        if wav and count > 0:
            self._pcm.append(ctypes.string_at(wav, 2 * count))
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                # The name fills up to 8 bytes and need not end in a zero byte.
                name = event.id.string[:8].split(b"\0")[0].decode("utf-8", "replace")
                self._events.append(PhonemeEvent(event.sample, name.lstrip(_MARKS), name.startswith(_STRESS)))
            index += 1
        return 0

    def set_voice(self, voice: str) -> None:
        """Choose a voice such as `en-us` or `en-us+f3` (language + variant).

        Raises:
            EspeakError: espeak-ng has no such voice.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EspeakError(f"espeak-ng has no voice {voice!r}")

    def say(self, text: str, *, pitch: int, pitch_range: int, rate: int) -> Speech:
        """Synthesise a text; pitch and range run from 0 to 99 (50 = the voice's own), rate is in words a minute.

        Raises:
            EspeakError: espeak-ng failed or gave no audio.
        """
        for parameter, value in ((_PITCH, pitch), (_RANGE, pitch_range), (_RATE, rate)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._pcm.clear()
        self._events.clear()
        data = text.encode() + b"\0"
        code = self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        self._library.espeak_Synchronize()
        samples = np.frombuffer(b"".join(self._pcm), dtype=np.int16)
        if code != 0 or not samples.size or not self._events:
            raise EspeakError(f"espeak-ng gave no speech (code {code}) for {text!r}")
        return Speech(samples, self.rate, tuple(self._events))

    def text_to_phonemes(self, text: str) -> list[str]:
        """The mnemonics, without stress marks, that espeak-ng would speak for a word or a phrase."""
        pointer = ctypes.c_char_p(text.encode() + b"\0")
        mnemonics: list[str] = []
        while pointer.value:
            mode = ord(_SEPARATOR) << 8
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARS_UTF8, mode)
            for word in (clause or b"").decode().split():
                mnemonics += [name for name in (part.lstrip(_MARKS) for part in word.split(_SEPARATOR)) if name]
        return [name for name in mnemonics if not name.startswith("_")]
