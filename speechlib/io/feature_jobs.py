"""Jobs that make one archive of the features of many utterances: done once, until what they are made of changes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states


def run_once(
    args: argparse.Namespace,
    program: str,
    work: Callable[[], None],
    wspecifier: str,
    models: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> None:
    """Work, unless --stamp says that it is done and nothing has changed since; without --stamp, always.

    Models, the front end's options and the scripts of the features count by content, archives by size and time.

    Args:
        args: with `stamp`, `features`, and what `utterance_batches.add_feature_arguments` added.
        program: name of the command, for its message.
        work: writes the archive.
        wspecifier: what it writes.
        models: files that decide it.
        options: that decide it, beside those of the features.

    Raises:
        ValueError: --stamp with features, or an archive, that have no scripts.
    """
    if not args.stamp:
        work()
        return
    sources = [parse_rspecifier(name) for name in (args.features, args.vad) if name]
    target = parse_wspecifier(wspecifier)
    if any(source.kind != "scp" for source in sources) or not target.ark or not target.scp:
        raise ValueError("--stamp goes with scp:FILE as input and ark,scp:FILE,FILE as output")
    scripts = [source.name for source in sources]
    inputs = [*models, *scripts, *filter(None, [args.frontend])]
    decisive = {**(options or {}), "subsample": args.subsample, "archives": str(archive_states(*scripts))}
    stamp = Stamp(args.stamp, inputs, decisive, [target.ark, target.scp])
    if stamp.is_complete():
        sys.stderr.write(f"{program}: {wspecifier} is complete, as {args.stamp} says: nothing to do\n")
        return
    stamp.begin()
    work()
    stamp.finish()
