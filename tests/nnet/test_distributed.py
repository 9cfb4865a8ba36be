"""Two processes train together: gradients and batch statistics as of one with twice the batch, resume bit for bit."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = '''
import io, json, os, signal, sys
import numpy as np
import torch
from torch import nn
from speechlib.io.stop_signals import StopSignals
from speechlib.nnet.batch_norm import normalise_together
from speechlib.nnet.crops import CropBatches, CropOptions, CropSampler, StoredFrames
from speechlib.nnet.distributed import join, leave
from speechlib.nnet.optimizers import TrainOptions
from speechlib.nnet.stopping import Stopped
from speechlib.nnet.training import train

torch.set_num_threads(1)
CPU = torch.device("cpu")
rng = np.random.default_rng(0)
matrices = [rng.normal(k % 2, 1, size=(rng.integers(12, 30), 3)).astype(np.float32) for k in range(10)]


def toy(dropout):
    torch.manual_seed(5)
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 6), nn.ReLU(), nn.Dropout(dropout), nn.Linear(6, 2))


def batches(size, *part):
    sampler = CropSampler([len(m) for m in matrices], [k % 2 for k in range(10)], CropOptions(8), size, 1, *part)
    return CropBatches(StoredFrames(matrices), sampler)


def options(size):
    return TrainOptions(optimizer="sgd", batch_size=size, num_updates=6, learning_rate=0.1, log_every=2,
                        checkpoint_seconds=0)


def distance(first, second):
    return max(float((a - b).abs().max()) for a, b in zip(first.parameters(), second.parameters(), strict=True))


group, _ = join("cpu")
found = {"size": group.size}
together, lines = toy(0.0), []
spent = train(together, batches(4, group.rank, group.size), options(4), CPU, group=group, on_progress=lines.append)
alone, lines_alone = toy(0.0), []
train(alone, batches(8), options(8), CPU, on_progress=lines_alone.append)
found["to one process"] = distance(together, alone)
found["samples"] = spent["samples"]
if group.rank == 0:
    found["losses"] = [[[line.loss, line.accuracy] for line in log] for log in (lines, lines_alone)]



def normed():
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv1d(8, 6, 2), nn.BatchNorm1d(6), nn.ReLU(), nn.Flatten(), nn.Linear(12, 6),
                         nn.BatchNorm1d(6, affine=False, momentum=None), nn.ReLU(), nn.Linear(6, 2))


whole, parts, synced = normed(), normed(), normalise_together(normed(), CPU)
train(whole, batches(8), options(8), CPU)
for model in (parts, synced):
    train(model, batches(4, group.rank, group.size), options(4), CPU, group=group)
found["normed alike"] = synced.state_dict().keys() == whole.state_dict().keys()
found["normed together"], found["normed apart"] = (
    [float((model.state_dict()[name] - value).abs().max()) for name, value in whole.state_dict().items()]
    for model in (synced, parts))
probe = torch.randn(3, 8, 3, generator=torch.Generator().manual_seed(1))
found["normed output"] = float((synced.eval()(probe) - whole.eval()(probe)).abs().max())

states = []
def keep(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    states.append(buffer.getvalue())

dropped = toy(0.5)
torch.manual_seed(100 + group.rank)
part = batches(4, group.rank, group.size)
train(dropped, part, options(4), CPU, group=group, on_checkpoint=keep)
path = sys.argv[1]
if group.rank == 0:
    open(path + ".pt", "wb").write(states[0])
group.wait()
state = torch.load(path + ".pt", weights_only=True)
found["checkpoints"], found["resumed at"] = len(states), state["update"]
resumed = toy(0.5)
torch.manual_seed(999)
train(resumed, part, options(4), CPU, group=group, resume=state)
found["to uninterrupted"] = distance(dropped, resumed)
found["dropout matters"] = distance(dropped, together)

states.clear()
ended = toy(0.5)
torch.manual_seed(100 + group.rank)
with StopSignals() as signals:
    def cancel(update, total):
        if update == 3 and group.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
    rare = TrainOptions(**{**vars(options(4)), "log_every": 100, "checkpoint_seconds": 1e9})
    try:
        train(ended, part, rare, CPU, group=group, on_checkpoint=keep, on_update=cancel, should_stop=signals.status)
    except Stopped as stopped:
        found["status"] = stopped.code
if group.rank == 0:
    open(path + ".pt", "wb").write(states[-1])
group.wait()
state = torch.load(path + ".pt", weights_only=True)
found["stopped at"] = state["update"]
train(ended, part, options(4), CPU, group=group, resume=state)
found["stopped to uninterrupted"] = distance(dropped, ended)
if group.rank == 0:
    json.dump(found, open(path, "w"))
leave(group)
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               str(folder / "script.py"), str(folder / "found.json")]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


def test_two_processes_are_one_with_twice_the_batch(found):
    assert found["size"] == 2 and found["samples"] == 48
    assert found["to one process"] < 1e-6
    together, alone = found["losses"]
    assert len(together) == 3
    for pair, expected in zip(together, alone, strict=True):
        assert pair == pytest.approx(expected, abs=1e-5)


def test_batch_normalisation_together_is_that_of_one_process(found):
    assert found["normed alike"] and max(found["normed together"]) < 1e-5 and found["normed output"] < 1e-5
    assert max(found["normed apart"]) > 1e-2


def test_resume_of_two_processes(found):
    assert found["checkpoints"] == 2 and found["resumed at"] == 2  # they agree on it with each line of the log
    assert found["to uninterrupted"] == 0 and found["dropout matters"] > 1e-3


def test_a_signal_to_one_process_ends_both_after_the_same_update(found):
    assert found["status"] == 143 and found["stopped at"] == 4  # it came in the third, the other knew in the fourth
    assert found["stopped to uninterrupted"] == 0
