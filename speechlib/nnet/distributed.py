"""Several processes that train one network together, as torchrun starts them: one a GPU, or on CPUs through gloo."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, nn


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

        Batch normalisation sees the batch of its own process, and the running statistics are those of process 0: torch
        has SyncBatchNorm for GPUs only, and the papers' recipes do without. Batches of a process should not be tiny.
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
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group(), device
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        if int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
            raise ValueError(f"{device}: torch sees {torch.cuda.device_count()} GPUs here; start fewer processes")
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    return Group(torch.distributed.get_rank(), size, int(os.environ["LOCAL_WORLD_SIZE"])), device


def leave(group: Group) -> None:
    """End the exchange; at the end of a process that joined."""
    if group.size > 1:
        torch.distributed.destroy_process_group()
