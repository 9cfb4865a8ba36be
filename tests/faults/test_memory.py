"""A worker that runs out of memory, or that the kernel ends for want of it: said so, and the next run completes."""

import re

# A dispatcher that does job 2 of an array otherwise, as long as there is a file `starve`.
DISPATCHER = r"""#!/usr/bin/env bash
if [[ $1 == JOB=* && -f starve ]]; then exec utils/run.py "$1" "$2" bash "$PWD/job.sh" JOB "${@:3}"; fi
exec utils/run.py "$@"
"""
KILLED = 'if [[ $1 == 2 ]]; then kill -KILL "$BASHPID"; fi; shift; exec "$@"'
STARVED = 'if [[ $1 == 2 ]]; then exec python starved.py "${@:4}"; fi; shift; exec "$@"'
# The address space may grow no more once everything is imported, by more than what short utterances need.
STARVED_PYTHON = """
import importlib, resource, sys
import torch # which the command imports when it needs it
module = importlib.import_module(sys.argv[1])
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (8 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.argv[1:] = sys.argv[2:]
module.run(module.main)
"""


def test_starved_and_killed_workers(recipe):
    for name, text in (("dispatcher", DISPATCHER), ("starved.py", STARVED_PYTHON)):
        (recipe.folder / name).write_text(text)
    (recipe.folder / "dispatcher").chmod(0o755)
    (recipe.folder / "starve").touch()
    recipe.write_audio("s3-0027", 300)
    step = "steps/make_mfcc.sh --nj 2 --cmd ./dispatcher --mfcc-config mfcc.conf data/train"
    for job, message in (
        (KILLED, r"1 of 2 jobs failed \(JOB=2\); number 2 was killed by SIGKILL \(out of memory\?\)"),
        (STARVED, r"1 of 2 jobs failed \(JOB=2\)(.|\n)* error: out of memory (.*); run fewer jobs"),
    ):
        (recipe.folder / "job.sh").write_text(job)
        status, output = recipe.run(step)
        assert status == 1 and re.search(message, output), output
        made = recipe.files()
        assert "data/train/data/raw_mfcc_train.1.ark" in made and "data/train/data/raw_mfcc_train.2.ark" not in made
    (recipe.folder / "starve").unlink()
    recipe.good(step)
    assert len((recipe.data / "feats.scp").read_text().splitlines()) == 28
    assert "complete already" in (recipe.data / "log/make_mfcc_train.1.log").read_text()
