"""What this machine offers to jobs: cores, memory, GPUs."""

import os


def num_cores() -> int:
    """Cores that this process may use; within a scheduler's job those of the job, be it pinned to them or not."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = os.environ.get("SLURM_CPUS_ON_NODE") or os.environ.get("NSLOTS") or ""
    return min(cores, int(granted)) if granted.isdigit() and int(granted) else cores


def memory_bytes() -> int:
    """Physical memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def gpu_ids() -> list[str]:
    """Names of the GPUs that jobs may use, in CUDA_VISIBLE_DEVICES' words; empty where there is none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    import subprocess  # only here: most calls ask for no GPU

    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return []
    return [str(i) for i in range(sum(line.startswith("GPU ") for line in listing.stdout.splitlines()))]
