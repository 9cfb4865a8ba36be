"""Where and how torch computes: device, threads, determinism, and memory that is kept between updates."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

import torch

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of the GNU C library


def set_up(device: str = "auto", num_threads: int = 0) -> torch.device:
    """Prepare the process for training or extraction and return the device.

    Args:
        device: auto (a GPU if there is one), cpu, cuda or cuda:N.
        num_threads: threads on the CPU; 0 leaves torch's choice (OMP_NUM_THREADS, else all cores).

    Raises:
        ValueError: an unknown device, or one that this machine does not have.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ValueError(f"unknown device {device!r}: expected auto, cpu, cuda or cuda:N") from None
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {device}: torch sees {torch.cuda.device_count()} GPUs here; use --device cpu or auto")
    if num_threads > 0:
        torch.set_num_threads(num_threads)
    if chosen.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only so
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
    else:
        _keep_freed_memory()
    return chosen


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """Context in which products are computed in bfloat16 (`bf16`) or float16 (`fp16`), or nothing changes (`fp32`).

    Raises:
        ValueError: fp16 on a CPU, whose kernels lack it.
    """
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    if precision == "fp16":
        if device.type != "cuda":
            raise ValueError(f"precision fp16 needs a GPU, the device is {device}: take bf16 or fp32")
        return torch.autocast(device.type, torch.float16)
    return contextlib.nullcontext()


def _keep_freed_memory() -> None:
    # By default every large activation is fresh memory from the kernel, zeroed page by page: a third of the time of an
    # update of the paper's network with batches of 128. Keeping freed memory in the heap avoids it.
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # other C libraries have no mallopt
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_MMAP_MAX, 0)
            libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
