"""result.json: scores with intervals, and all that is needed to tell where they come from."""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import speechlib
from speechlib.io.atomic import write_json
from speechlib.io.file_digest import file_digest
from speechlib.io.json_files import read_json

SCHEMA = 1
CUTS = ("oracle", "dev", "fixed")
COLLECTION = "results.json"
_ANEW = "write it anew with its command"
_KEYS = tuple("schema task metrics counts selection labels seed command commit version date extra".split())
# Keys beside these that a kind of task promises its readers at the top of the file.
SUMMARY_KEYS = ("uar", "accuracy", "f1_macro", "ccc", "pcc", "mae", "mse", "ci95", "folds", "split_sha256", "leaks")
# What recipes write into the repository is no code: it must not make its own successors look modified.
_GENERATED = (":(exclude)egs/*/results/*", ":(exclude)egs/*/RESULTS.md")


def write_result(
    path: str | os.PathLike,
    *,
    task: str,
    metrics: Mapping[str, Mapping[str, Any]],
    counts: Mapping[str, int],
    selection: Mapping[str, Any],
    labels: str | os.PathLike | None,
    seed: int | Sequence[int] | None = None,
    command: str | None = None,
    extra: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
) -> None:
    """Write a result file; commit, version, date and the hash of the labels are added here.

    Args:
        path: usually `result.json` beside the scores.
        task: what was scored, such as "speaker identification".
        metrics: by name, `{"value": number, "interval": [low, high] or None}`; optionally with its own "selection",
            where it differs from that of the file (an oracle cut reported beside the tuned one).
        counts: by name, numbers of speakers, utterances, trials and so on.
        selection: how the threshold, cut or checkpoint was chosen; `{"cut": "oracle" | "dev" | "fixed", ...}` and
            whatever explains it. "dev" is what was tuned on other speakers, "fixed" all else that does without the
            labels of the scored set.
        labels: the trial or label file that was scored against; only None if there is none.
        seed: of the run behind the scores, one or several, None if nothing was random.
        command: default: the running command with its arguments (`command_line`).
        extra: anything else in JSON's types; what a table of results groups its rows by (layer, size) belongs here.
        summary: values for SUMMARY_KEYS, at the top of the file.

    Raises:
        ValueError: something does not fit the schema; nothing is written then.
        OSError: the label file cannot be read or the result not be written.
    """
    result = {
        "schema": SCHEMA,
        "task": task,
        "metrics": {
            name: {"value": None, "interval": None, **_plain(metric)} if isinstance(metric, Mapping) else metric
            for name, metric in metrics.items()
        },
        "counts": _plain(counts),
        "selection": _plain(selection),
        "labels": None if labels is None else {"file": _anonymous(os.fspath(labels)), "sha256": file_digest(labels)},
        "seed": _plain(seed),
        "command": command_line() if command is None else command,
        "commit": current_commit(),
        "version": speechlib.__version__,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "extra": _plain(extra or {}),
        **_plain(summary or {}),
    }
    check_result(result, path)
    write_json(path, result)


def read_result(path: str | os.PathLike) -> dict[str, Any]:
    """Read a result file.

    Raises:
        ValueError: it is no JSON, or does not fit the schema; names the file and the place.
        OSError: it cannot be read.
    """
    result = read_json(path, _ANEW)
    check_result(result, path)
    return result


def read_results(folder: str | os.PathLike) -> dict[str, dict[str, Any]]:
    """Read all files named result.json below a folder, and all collections of such (`write_collection`).

    Returns:
        Results by path relative to the folder, with forward slashes, sorted.

    Raises:
        ValueError: there is none, or one does not fit the schema.
    """
    folder = Path(folder)
    found = {path.relative_to(folder).as_posix(): read_result(path) for path in folder.rglob("result.json")}
    for collection in folder.rglob(COLLECTION):
        content = read_json(collection, _ANEW)
        if not isinstance(content, dict):
            raise ValueError(f"{collection}: expected an object of results by path; write it anew with collect_results")
        for name, result in content.items():
            check_result(result, f"{collection}: {name}")
            found[(collection.parent / name).relative_to(folder).as_posix()] = result
    if not found:
        raise ValueError(f"{folder}: there is no result.json below it; run the scoring stages first")
    return dict(sorted(found.items()))


def write_collection(folder: str | os.PathLike, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Write results by path into one file, results.json, in an existing folder."""
    write_json(Path(folder) / COLLECTION, results)


def check_result(result: Any, source: str | os.PathLike) -> None:
    """Check a result against the schema.

    Raises:
        ValueError: the first thing that does not fit, with its place and what was expected.
    """

    def expect(condition: bool, place: str, expected: str) -> None:
        if not condition:
            raise ValueError(f"{source}: {place}: expected {expected}")

    expect(isinstance(result, dict), "the whole", "an object")
    missing = [key for key in _KEYS if key not in result]
    unknown = [key for key in result if key not in _KEYS + SUMMARY_KEYS]
    expect(not missing and not unknown, "the keys", f"exactly {', '.join(_KEYS)}; {missing} missing, {unknown} unknown")
    expect(result["schema"] == SCHEMA, "schema", f"{SCHEMA}, the only one that this version knows")
    for key in ("task", "command", "commit", "version", "date"):
        expect(isinstance(result[key], str) and bool(result[key]), key, "a text that is not empty")
    some = isinstance(result["metrics"], dict) and bool(result["metrics"])
    expect(some, "metrics", "an object with at least one metric")
    for name, metric in result["metrics"].items():
        place = f"metrics.{name}"
        expect(isinstance(metric, dict), place, '{"value": number, "interval": [low, high] or null}')
        stray = set(metric) - {"value", "interval", "selection"}
        expect(not stray, place, f"value, interval and selection only, not {', '.join(sorted(stray))}")
        expect(_is_number(metric.get("value")), f"{place}.value", "a finite number")
        interval = metric.get("interval")
        if interval is not None:
            pair = isinstance(interval, list) and len(interval) == 2 and all(map(_is_number, interval))
            expect(pair and interval[0] <= interval[1], f"{place}.interval", "null or [low, high]")
        if "selection" in metric:
            _check_selection(metric["selection"], f"{place}.selection", expect)
    expect(isinstance(result["counts"], dict), "counts", "an object")
    for name, count in result["counts"].items():
        whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        expect(whole, f"counts.{name}", "a whole number, not negative")
    _check_selection(result["selection"], "selection", expect)
    labels = result["labels"]
    described = isinstance(labels, dict) and set(labels) == {"file", "sha256"} and all(map(_is_text, labels.values()))
    expect(labels is None or described, "labels", 'null or {"file": name, "sha256": digest}')
    seeds = result["seed"] if isinstance(result["seed"], list) else [result["seed"]]
    plain = all(seed is None or (isinstance(seed, int) and not isinstance(seed, bool)) for seed in seeds)
    expect(plain, "seed", "a whole number, a list of them, or null")
    expect(isinstance(result["extra"], dict), "extra", "an object")


def add_tag_option(parser: argparse.ArgumentParser) -> None:
    """Give a scoring command the option --tag NAME=VALUE, to be repeated; `dict(options.tag)` belongs into `extra`."""
    parser.add_argument(
        "--tag", type=_tag, action="append", default=[], metavar="NAME=VALUE",
        help="noted in result.json under extra, to group the rows of a table by; may be repeated",
    )  # fmt: skip


def _tag(text: str) -> tuple[str, str | int | float]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    for convert in (int, float):
        try:
            return name, convert(value)
        except ValueError:
            continue
    return name, value


def merge_seeds(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Summarise the same measurement over several seeds.

    Args:
        results: results as read, alike in all but the seed.

    Returns:
        By metric: mean, sd (of the sample, with n - 1; None for one seed), min, max, num_seeds, and interval: the mean
        of the lower and of the upper ends, None if a seed has none. It shows the spread between speakers, sd that
        between seeds.

    Raises:
        ValueError: no result; or they differ in task, metrics, labels or selection; or a seed comes twice.
    """
    if not results:
        raise ValueError("no result to summarise")
    first = results[0]
    for other in results[1:]:
        for key, value in _identity(first).items():
            if _identity(other)[key] != value:
                raise ValueError(
                    f"results of different {key} cannot be averaged over seeds: {value} and {_identity(other)[key]}"
                )
    seeds = [json.dumps(result["seed"]) for result in results]
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise ValueError(f"seed {', '.join(twice)} comes more than once among the results of one row ({first['task']})")
    return {name: _summary([result["metrics"][name] for result in results]) for name in first["metrics"]}


def _identity(result: Mapping[str, Any]) -> dict[str, Any]:
    """What must agree between runs that differ in the seed alone."""
    return {
        "task": result["task"],
        "metrics": sorted(result["metrics"]),
        "labels": (result["labels"] or {}).get("sha256"),
        "selection": [result["selection"]["cut"]]
        + [metric.get("selection", result["selection"])["cut"] for _, metric in sorted(result["metrics"].items())],
    }


def _summary(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [metric["value"] for metric in metrics]
    intervals = [metric["interval"] for metric in metrics]
    return {
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else None,
        "min": min(values),
        "max": max(values),
        "num_seeds": len(values),
        "interval": None if None in intervals else [statistics.fmean(ends) for ends in zip(*intervals, strict=True)],
    }


def command_line(argv: Sequence[str] | None = None) -> str:
    """The running command as one would type it, without the names of this machine's folders.

    Absolute paths below the working directory become relative, others keep their last part alone: `.../timit`.

    Args:
        argv: program and arguments; default: those of this process.
    """
    program, *arguments = sys.argv if argv is None else argv
    ours = Path(program).parts[-3:-1] == ("speechlib", "bin")
    words = [f"python -m speechlib.bin.{Path(program).stem}" if ours else Path(program).name]
    for argument in arguments:
        option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
        kind, colon, rest = value.partition(":")  # ark:/x/y and scp:/x/y
        value = f"{kind}:{_anonymous(rest)}" if colon and rest.startswith("/") else _anonymous(value)
        words.append(shlex.quote(f"{option}{equals}{value}"))
    return " ".join(words)


def current_commit() -> str:
    """Commit of the code that runs, with `-dirty` if tracked code is modified; `unknown` outside a git repository."""
    root = Path(speechlib.__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()

    try:
        # Installed inside somebody else's repository, that one's commit would say nothing of this code.
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return "unknown"
        commit = git("rev-parse", "HEAD")
        modified = git("status", "--porcelain", "--untracked-files=no", "--", ".", *_GENERATED)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}-dirty" if modified else commit


def _check_selection(selection: Any, place: str, expect) -> None:
    cut = selection.get("cut") if isinstance(selection, dict) else None
    expect(cut in CUTS, place, f'an object with "cut": one of {", ".join(CUTS)}; got {selection!r}')


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _plain(value: Any) -> Any:
    """Numpy's numbers and arrays, tuples and paths as JSON's types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return _anonymous(os.fspath(value))
    return value.tolist() if hasattr(value, "tolist") else value


def _anonymous(path: str) -> str:
    if not path.startswith("/"):
        return path
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return f".../{Path(path).name}"
