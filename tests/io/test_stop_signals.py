"""SIGUSR1 and SIGTERM: noted within StopSignals, and the exit statuses of commands that get them."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from speechlib.io.stop_signals import StopSignals


def test_signals_are_noted_and_the_stronger_one_counts():
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)
    with StopSignals() as signals:
        found = [signals.status()]
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1):
            os.kill(os.getpid(), number)
            found.append(signals.status())
    assert found == [0, 75, 143, 143]
    assert (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)) == before


def test_another_thread_changes_nothing():
    found = []

    def look():
        with StopSignals() as signals:
            found.append((signals.status(), signal.getsignal(signal.SIGUSR1)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [(0, signal.getsignal(signal.SIGUSR1))]


@pytest.mark.parametrize(("name", "status"), [("SIGUSR1", 75), ("SIGTERM", 143)])
def test_a_command_leaves_with_their_status(root, name, status):
    code = f"""
import os, signal, time
from speechlib.io.cli import run
def main():
    try:
        os.kill(os.getpid(), signal.{name})
        time.sleep(10)
    finally:
        print("cleaned up")
run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == status and done.stdout == "cleaned up\n"
