"""The files of one training: whether it is finished, what it goes on from, its checkpoints and its log."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from speechlib.io.checkpoints import ModelFolder, load_state, save_state
from speechlib.io.stamps import Stamp
from speechlib.io.stop_signals import StopSignals


class TrainingRun:
    """One training in a model's folder, which a later call takes up where it was.

    Args:
        folder: of the model.
        resolved: its configuration, for config.yaml.
        decisive: what decides the weights, JSON: a training of something else starts anew.
    """

    def __init__(self, folder: ModelFolder, resolved: Mapping[str, Any], decisive: Mapping[str, Any]):
        self.folder = folder
        self._resolved = resolved
        self.fingerprint = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        self._saved = False

    def is_finished(self) -> bool:
        """Whether the model is there and was trained from this configuration and these data."""
        return self._stamp().is_complete()

    def begin(self, more: Mapping[str, Any]) -> dict[str, Any] | None:
        """Write the configuration, with `more` in it, and return the state of a checkpoint to go on from, if any."""
        state = self._find_checkpoint()
        snapshots = [] if state else self.folder.snapshots()  # of another training
        for stale in (self.folder.stamp, self.folder.weights, *snapshots):
            stale.unlink(missing_ok=True)
        self.folder.write_config({**self._resolved, **more})
        return state

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint in place of the last one."""
        save_state(self.folder.checkpoint, {**state, "fingerprint": self.fingerprint})
        self._saved = True

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[Callable[[], int]]:
        """Within it, SIGUSR1 and SIGTERM end the training at its next update, with a checkpoint.

        Yields what the training has to ask: StopSignals.status.
        """
        with StopSignals() as signals:
            try:
                yield signals.status
            except SystemExit:
                if self._saved:  # several processes: by one of them
                    say(f"{self.folder.path}: told to stop; the same command goes on from {self.folder.checkpoint}")
                raise

    def finish(self, weights: Mapping[str, Any]) -> None:
        """Write the model."""
        self.folder.save_weights(weights)
        self._stamp().finish()
        self.folder.checkpoint.unlink(missing_ok=True)

    def _stamp(self) -> Stamp:
        outputs = [self.folder.weights, self.folder.config]
        return Stamp(self.folder.stamp, [], {"training": self.fingerprint}, outputs)

    def _find_checkpoint(self) -> dict[str, Any] | None:
        folder = self.folder
        if not folder.checkpoint.exists():
            if folder.stamp.exists():
                say(f"{folder.path}: configuration or data have changed, or the model is damaged: training again")
            return None
        state = load_state(folder.checkpoint)
        if state.get("fingerprint") != self.fingerprint:
            say(f"{folder.path}: configuration or data have changed since the checkpoint: training from the start")
            folder.checkpoint.unlink()
            return None
        return state


class TrainingLog:
    """Progress of one training: train.log, TensorBoard if asked for, a bar on a terminal or a line a minute.

    Args:
        folder: of the model.
        header: titles of the columns of train.log.
        first: updates that were done before.
        total: updates in all.
        tensorboard: write its event files, if it is installed.
    """

    def __init__(self, folder: ModelFolder, header: str, first: int, total: int, tensorboard: bool):
        kept = []
        if first and folder.log.exists():  # lines that a killed run wrote after its last checkpoint will come again
            lines = folder.log.read_text().splitlines()[1:]
            kept = [line for line in lines if line.split("\t")[0].isdigit() and int(line.split("\t")[0]) <= first]
        self.log = open(folder.log, "w", buffering=1)
        self.log.writelines(f"{line}\n" for line in [header, *kept])
        self.events = _event_writer(folder, first) if tensorboard else None
        self.name, self.first, self.begun, self.bar = folder.path, first, time.monotonic(), None
        self.said = self.begun
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=first, unit="update", desc=folder.path.name, leave=False)

    def update(self, number: int, total: int) -> None:
        """Called after each update."""
        now = time.monotonic()
        if self.bar is not None:
            self.bar.update()
        elif now - self.said > 60:
            rate = (number - self.first) / (now - self.begun)
            say(f"{self.name}: update {number} of {total}, {rate:.3g} a second, {(total - number) / rate / 60:.0f} "
                "minutes left")  # fmt: skip
            self.said = now

    def progress(self, progress: Any) -> None:
        """Called every log_every updates with a dataclass of numbers, whose text is a line of the log."""
        self.log.write(f"{progress}\n")
        if self.bar is not None:
            self.bar.set_postfix(loss=f"{progress.loss:.3f}", accuracy=f"{progress.accuracy:.3f}")
        if self.events is not None:
            for name, value in dataclasses.asdict(progress).items():
                if name != "update" and value == value:
                    self.events.add_scalar(name, value, progress.update)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *exception) -> None:
        self.log.close()
        for display in (self.bar, self.events):
            if display is not None:
                display.close()


def _event_writer(folder: ModelFolder, first: int):
    try:
        from torch.utils.tensorboard import SummaryWriter  # slow to import: only where it is asked for
    except ImportError:
        say("tensorboard is not installed: train.log is written, event files are not")
        return None
    return SummaryWriter(os.fspath(folder.tensorboard), purge_step=first + 1)


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(message, file=sys.stderr, flush=True)
