"""Several processes that train one network together, as torchrun starts them: one a GPU, or on CPUs through gloo."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LAUNCHER = "SPEECHLIB_LAUNCHER"  # environment variable: the process that started this one and is its parent


@dataclass(frozen=True)
class Group:
    """The processes; by default this one alone, where nothing is exchanged.

    Attributes:
        rank: of this process, counted from 0; process 0 reports and writes.
        size: number of processes.
        local_size: those of this host.
    """

    rank: int = 0
    size: int = 1
    local_size: int = 1

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model with gradients that are averaged over the processes.

        Batch normalisation sees the batch of its own process, and the running statistics are those of process 0; see
        speechlib.nnet.batch_norm for another.
        """
        if self.size == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(model, [device] if device.type == "cuda" else None)

    def add_up(self, *values: Tensor) -> None:
        """Replace each tensor by its sum over the processes."""
        if self.size > 1:
            for value in values:
                torch.distributed.all_reduce(value)

    def agree(self, flag: bool, device: torch.device) -> bool:
        """What process 0 says."""
        if self.size == 1:
            return flag
        decision = torch.tensor(int(flag), device=device)
        torch.distributed.broadcast(decision, 0)
        return bool(decision)

    def collect(self, value: Tensor, device: torch.device) -> list[Tensor]:
        """The tensors of all processes, which have one shape."""
        if self.size == 1:
            return [value]
        collected = [torch.empty_like(value, device=device) for _ in range(self.size)]
        torch.distributed.all_gather(collected, value.to(device))
        return [item.cpu() for item in collected]

    def take_greatest(self, value: Tensor) -> torch.distributed.Work:
        """Begin to replace a tensor on the CPU by the greatest of any process; it is done when `wait` of it returns."""
        return torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX, async_op=True)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            torch.distributed.barrier()


def join(device: str) -> tuple[Group, str]:
    """Join the processes that torchrun started; without torchrun, this process is alone.

    Args:
        device: auto, cpu, cuda or cuda:N; of several processes on a machine with GPUs, each takes its own.

    Returns:
        The group, and the device that is this process's.
    """
    launcher = os.environ.get(LAUNCHER)
    if launcher is not None:
        threading.Thread(target=_end_with, args=(int(launcher),), daemon=True).start()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group(), device
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        if int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
            raise ValueError(f"{device}: torch sees {torch.cuda.device_count()} GPUs here; start fewer processes")
        torch.cuda.set_device(device)
    # What lies on the CPU goes another way than what lies on GPUs, so that no GPU waits for it.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    return Group(torch.distributed.get_rank(), size, int(os.environ["LOCAL_WORLD_SIZE"])), device


def leave(group: Group) -> None:
    """End the exchange; at the end of a process that joined."""
    if group.size > 1:
        torch.distributed.destroy_process_group()


def _end_with(launcher: int) -> None:
    """End this process when the one that started it is gone, were it by kill -9: nobody would know of this one."""
    while os.getppid() == launcher:
        time.sleep(0.5)
    os._exit(1)
