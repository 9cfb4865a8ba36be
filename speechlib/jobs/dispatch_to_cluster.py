"""The main program of a cluster's dispatcher."""

from collections.abc import Callable

from speechlib.jobs.call import Call
from speechlib.jobs.cluster import Scheduler, run_on_cluster
from speechlib.jobs.dispatch import dispatch


def dispatch_to_cluster(argv: list[str], usage: str, scheduler: Callable[[Call], Scheduler], conf: str) -> int:
    """As dispatch, for a scheduler whose options without a site's file are the text `conf` (--print-config)."""
    if argv[1:] == ["--print-config"]:
        print(conf, end="")
        return 0
    return dispatch(argv, usage, lambda call, *report: run_on_cluster(scheduler(call), call, *report))
