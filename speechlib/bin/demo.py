"""Let the model that an experiment kept judge audio files, or speech that is recorded, and show what it says.

With --file, --folder or --list it prints the probability of every class (--json: a line of JSON a file). Without them
a small web page of this machine alone records or takes files (Ctrl-C ends it); its examples are from the test part of
the experiment. --microphone records here, where the package sounddevice is installed and there is a microphone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from speechlib.io.audio_files import add_file_options, named_files
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.experiment_ini import ExperimentIni

if TYPE_CHECKING:
    from speechlib.experiments.saved_model import SavedModel

_BAR = 40  # characters of a probability of 1
_EXAMPLES = 8


def main(argv: Sequence[str] | None = None) -> None:
    """Judge what is named or recorded, or serve the page."""
    parser = KaldiArgumentParser(
        prog="demo",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.demo --config exp.ini --file hello.wav\n"
        "      python -m speechlib.bin.demo --config exp.ini --port 8080",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", required=True, help="INI file of an experiment with save = True")
    add_file_options(parser)
    add("--json", type=kaldi_bool, default=False, help="print a line of JSON for each recording")
    add("--microphone", type=kaldi_bool, default=False, help="record here")
    add("--seconds", type=float, default=4.0, help="of a recording by microphone")
    add("--port", type=int, default=0, help="of the web page; 0: any that is free")
    args = parser.parse_args(argv)
    files = named_files(args.file, args.folder, args.list)
    if files and args.microphone:
        raise ValueError("--microphone goes without --file, --folder and --list: give one of them")
    ini = ExperimentIni(args.config)

    from speechlib.experiments.saved_model import SavedModel

    model = SavedModel(ini, say)
    if files:
        from speechlib.experiments.labelling import judge_files

        judgements = judge_files(model, files, say)
        for file, outputs in zip(judgements.files, judgements.outputs, strict=True):
            print(shown(model, file, outputs, args.json))
        judgements.check()
    elif args.microphone:
        audio, rate = record(args.seconds)
        print(shown(model, "microphone", model.judge_audio(audio, rate), args.json))
    else:
        serve_page(ini, model, args.port)


def shown(model: SavedModel, name: str, outputs: np.ndarray, as_json: bool) -> str:
    """What the model says of one recording, for people (a bar for each class) or as JSON.

    Args:
        model: that judged.
        name: of the recording.
        outputs: (classes,) probabilities, or (1,) number.
        as_json: which of both.
    """
    said = model.decide(outputs[None])[0]
    if as_json:
        if not model.classes:
            return json.dumps({"file": name, "target": model.target, "predicted": float(outputs[0])})
        classes = {label: round(float(value), 6) for label, value in zip(model.classes, outputs, strict=True)}
        return json.dumps({"file": name, "target": model.target, "predicted": said, "classes": classes})
    lines = [f"{name}: {model.target} {said}"]
    width = max(map(len, model.classes), default=0)
    for label, value in zip(model.classes, outputs, strict=False):
        lines.append(f"  {label:<{width}}  {'#' * round(_BAR * float(value)):<{_BAR}} {value:6.1%}")
    return "\n".join(lines)


def record(seconds: float, rate: int = 16000) -> tuple[np.ndarray, int]:
    """Record from the default microphone.

    Returns:
        (samples,) float32 in int16 range, and the sampling rate.

    Raises:
        ImportError: the package sounddevice, or the library PortAudio below it, is not there.
        ValueError: there is no microphone, or no time to record.
    """
    if not 0 < seconds <= 300:
        raise ValueError(f"--seconds {seconds:g}: expected a time from 0 to 300")
    otherwise = "without --microphone, a web page records in the browser, and --file judges files"
    try:
        import sounddevice
    except ImportError:
        raise ImportError(
            f"--microphone needs the package sounddevice (MIT): pip install sounddevice; {otherwise}"
        ) from None
    except OSError as error:  # PortAudio
        raise ImportError(f"--microphone: {error}: install PortAudio (libportaudio2); {otherwise}") from None
    try:
        sounddevice.check_input_settings(channels=1, samplerate=rate, dtype="int16")
        say(f"speak: recording for {seconds:g} s")
        samples = sounddevice.rec(round(seconds * rate), samplerate=rate, channels=1, dtype="int16", blocking=True)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise ValueError(f"no microphone can be used ({error}); {otherwise}") from None
    return samples[:, 0].astype(np.float32), rate


def serve_page(ini: ExperimentIni, model: SavedModel, port: int) -> None:
    """Serve the web page until Ctrl-C."""
    from speechlib.io.demo_server import serve

    if not 0 <= port <= 65535:
        raise ValueError(f"--port {port}: expected a number from 0, for any that is free, to 65535")
    if not model.classes:
        raise ValueError(f"{ini.path}: the web page shows classes, this is a regression: judge files with --file")

    def predict(samples: np.ndarray, rate: int) -> dict[str, float]:
        return dict(zip(model.classes, model.judge_audio(samples, rate).tolist(), strict=True))

    examples = unknown_examples(ini, model)
    title = f"{ini.get('EXP', 'name')}: {model.target}"
    try:
        started = serve(predict, port=port, examples=examples, title=title)
    except OSError as error:
        raise ValueError(f"--port {port}: {error.strerror}; choose another one, or 0 for any that is free") from None
    with started as server:
        say(f"{server.url} (on this machine alone; Ctrl-C ends it)")
        server.wait()


def unknown_examples(ini: ExperimentIni, model: SavedModel) -> list[str]:
    """Some files that the model was not trained on, of every class in turn; none where the data are not there."""
    from speechlib.experiments.data import load_data

    try:
        data = load_data(ini, lambda _: None)
    except (ValueError, OSError) as error:
        say(f"note: no examples, since the data cannot be read: {error}")
        return []
    samples, trained = data.samples, set(model.about["trained_on"])
    turns: dict[int, int] = {}
    order = []
    for row in np.unique(np.concatenate([fold.test for fold in data.folds])):
        whole = samples.starts[row] == 0 and samples.ends[row] < 0 and os.path.isfile(samples.entries[row])
        if whole and samples.key(row) not in trained:
            label = int(data.target[row])
            turns[label] = turns.get(label, 0) + 1
            order.append((turns[label], label, row))
    if not order:
        say("note: no examples: no file of the test part that the model was not trained on")
    return [samples.entries[row] for _, _, row in sorted(order)[:_EXAMPLES]]


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"demo: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
