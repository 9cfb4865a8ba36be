"""One run at a time in a folder of experiments: a lock that ends with the process that holds it, kill -9 included."""

import fcntl
import os
import time

_CLEARING = 15.0  # seconds that a killed run may take to end what it had started


def take_lock(path: str, holder: str, patience: float = _CLEARING) -> str:
    """Take the lock for as long as this process lives.

    Args:
        path: file of the lock; made if it is not there.
        holder: a line on the run, for whoever is refused: its process id first, then its host.
        patience: seconds to wait for a run that is dead, while what it had started is being ended.

    Returns:
        An empty string, or the line of the run that has it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    os.set_inheritable(file, False)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            other = os.pread(file, 4096, 0).decode("utf-8", "replace").strip()
            if is_alive(other) or time.monotonic() > deadline:
                os.close(file)
                return other or "unknown"
            time.sleep(0.05)
        except OSError:  # a file system without locks
            break
    os.ftruncate(file, 0)
    os.pwrite(file, f"{holder}\n".encode(), 0)
    return ""


def is_alive(holder: str) -> bool:
    """Whether the run of such a line lives, as far as can be told from here: on another host it is taken to."""
    words = holder.split()
    if len(words) < 2 or not words[0].isdigit():
        return False  # it has just begun, and will have written its line in a moment
    if words[1] != os.uname().nodename:
        return True
    try:
        os.kill(int(words[0]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
