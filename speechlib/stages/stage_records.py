"""What the stages of a recipe left behind: a record a stage, and whether one of them would have to run again.

A stage's record has the values, code and files that it began with, and the files that it wrote: the digest of each
before it and after it. As a later stage may write into the same folders, a file counts for a stage as it was for it:
the writes of the later stages, and its own, are taken back in thought (`Records.view`).
"""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from speechlib.stages.file_states import FileStates, file_state, read_json, write_json
from speechlib.stages.run_lock import is_alive

Record = dict[str, Any]
Digests = dict[str, str]


class Needs(NamedTuple):
    """What a stage depends on, as its text says.

    Attributes:
        options: values of the recipe's variables.
        code: digests of its own text ("run.sh"), of scripts, modules and configurations.
        code_files: their real paths.
        patterns: of the files that it may read.
        not_read: patterns of those among them that it leaves alone.
        places: patterns of all that it may write.
    """

    options: dict[str, str]
    code: Digests
    code_files: frozenset[str]
    patterns: list[str]
    not_read: list[str]
    places: list[str]


class Records:
    """The records of one script's stages in one folder of experiments.

    Args:
        folder: where they are, <exp>/.stages.
        script: the script's name.
        numbers: of its stages.
        files: the recipe's files.
    """

    def __init__(self, folder: str, script: str, numbers: Iterable[int], files: FileStates) -> None:
        self._folder = folder
        self._script = script
        self._files = files
        self._records: dict[int, Record] = {}
        for number in sorted(numbers):
            record = read_json(self.path(number))
            if record.get("state") in ("running", "failed", "done"):
                self._records[number] = record

    def path(self, number: int, suffix: str = "json") -> str:
        """The file of a stage's record."""
        return os.path.join(self._folder, f"{self._script}.{number}.{suffix}")

    def get(self, number: int) -> Record | None:
        """A stage's record, None where it never ran."""
        return self._records.get(number)

    def view(self, path: str, first: int) -> str | None:
        """The digest of a file without what the stages from `first` on did to it; None: it was not there."""
        now = digest = self._files.digest(path)
        for number in sorted(self._records, reverse=True):
            if number >= first:
                digest = _undone(self._records[number], path, digest)
        if digest and digest == now:
            # Nothing was taken back, but what a stage made is no input of an earlier one, whatever became of it.
            writers = [
                (number, *record["outputs"][path])
                for number, record in self._records.items()
                if path in record.get("outputs", ())
            ]
            is_made_later = any(before is None for number, before, _ in writers if number >= first)
            if is_made_later and not any(after == now for number, _, after in writers if number < first):
                return None
        return digest

    def reasons(self, number: int, needs: Needs) -> list[str]:
        """Why a stage has to run, a line a reason; nothing if it has not."""
        record = self._records.get(number)
        if record is None:
            return ["never ran"]
        if record["state"] == "running":
            return ["it runs now" if is_alive(record["process"]) else "the last run was interrupted"]
        if record["state"] == "failed":
            return ["the last run failed"]
        reasons = [
            f"option {name}: was {_shown(record['options'].get(name))}, is {_shown(needs.options.get(name))}"
            for name in sorted(record["options"].keys() | needs.options.keys())
            if record["options"].get(name) != needs.options.get(name)
        ]
        code = {"configuration": {}, "code": {}}
        for name in record["code"].keys() | needs.code.keys():
            kind = "configuration" if name.startswith("conf/") else "code"
            code[kind][name] = (record["code"].get(name), needs.code.get(name))
        for kind, pairs in code.items():
            reasons += _differences(kind, pairs)
        now = self._inputs(number, needs)
        reasons += _differences("input", _pairs(record["inputs"], now))
        same = {path: digest for path, digest in now.items() if record["inputs"].get(path) == digest}
        then = {path: digest for path, digest in record["named"].items() if path in same}
        reasons += _differences("what is named in", _pairs(then, self._named(number, same)))
        outside = self._outside(needs)
        reasons += _differences("input", _pairs(record["outside"], outside))
        return reasons + self._spoilt_outputs(number, record)

    def _spoilt_outputs(self, number: int, record: Record) -> list[str]:
        missing, changed = [], []
        for path, (_, after) in record["outputs"].items():
            now = self.view(path, number + 1) if after else after
            if now is None and after:
                missing.append(path)
            elif now != after:
                changed.append(path)
        reasons = []
        for what, paths in (("is missing", missing), ("has changed since", changed)):
            if paths:
                reasons.append(f"output {min(paths)} {what}{_and_more(len(paths))}")
        return reasons

    def reads_from(self, number: int, writer: int, writer_needs: Needs) -> str | None:
        """A file that one stage read and an earlier one writes, None if there is none."""
        record, earlier = self._records.get(number), self._records.get(writer)
        if record is None or "inputs" not in record:
            return None
        if earlier is not None and earlier["state"] != "running":
            return min(record["inputs"].keys() & earlier["outputs"].keys(), default=None)
        return min((path for path in record["inputs"] if _covers(writer_needs.patterns, path)), default=None)

    def begin(self, number: int, needs: Needs, facts: Record) -> None:
        """Note that a stage begins, and what it finds.

        Args:
            number: of the stage.
            needs: what it depends on.
            facts: what else its record is to have.
        """
        files = self._files
        paths = {*files.walk(needs.places), *files.walk(needs.patterns)}
        before = {path: self.view(path, number) for path in paths}
        earlier = {path: self.view(path, number + 1) for path in paths}
        inputs = self._inputs(number, needs)
        last = self._records.get(number, {})
        record = {
            "state": "running",
            **facts,
            "options": needs.options,
            "code": needs.code,
            "inputs": inputs,
            "named": self._named(number, inputs),
            "outside": self._outside(needs),
            "runs": last.get("runs", 0) + 1,
            "failures": last.get("failures", 0) + (last.get("state") == "running"),
            "patterns": needs.patterns,
            "places": needs.places,
            "before": {path: digest for path, digest in before.items() if digest},
            "earlier": {path: digest for path, digest in earlier.items() if digest != before[path]},
            "states": {path: file_state(files.absolute(path)) for path in paths},
        }
        self._write(number, record)

    def end(self, number: int, is_done: bool, facts: Record) -> None:
        """Complete the record of a stage that began, with what it wrote.

        Args:
            number: of the stage.
            is_done: whether it came to its end in peace.
            facts: what else its record is to have.
        """
        record = self._records[number]
        before, earlier, states = record.pop("before"), record.pop("earlier"), record.pop("states")
        places, patterns = record.pop("places"), record.pop("patterns")
        outputs = {}
        for path in {*self._files.walk(places), *self._files.walk(patterns), *states}:
            state = file_state(self._files.absolute(path))
            known = states.get(path)
            if state != (known and tuple(known)):
                after = self._files.digest(path)
                if after != before.get(path):
                    outputs[path] = [before.get(path), after]
            elif path in earlier:
                outputs[path] = [before.get(path), earlier[path]]
        record.update(facts, state="done" if is_done else "failed", outputs=dict(sorted(outputs.items())))
        record["failures"] += not is_done
        self._write(number, record)

    def _write(self, number: int, record: Record) -> None:
        self._records[number] = record
        write_json(self.path(number), record)

    def _inputs(self, number: int, needs: Needs) -> Digests:
        """The files that a stage may read, as it finds them."""
        found = {}
        for path in self._files.walk(needs.patterns):
            if path in needs.code or os.path.realpath(self._files.absolute(path)) in needs.code_files:
                continue
            if not _covers(needs.not_read, path) and (digest := self.view(path, number)):
                found[path] = digest
        return dict(sorted(found.items()))

    def _named(self, number: int, inputs: Digests) -> Digests:
        """Of lists and configurations as the stage finds them: a hash of the files that they name."""
        found = {}
        for path, content in inputs.items():
            if named := self._files.named_in(path, content, lambda name: self.view(name, number)):
                found[path] = named
        return found

    def _outside(self, needs: Needs) -> Digests:
        found = self._files.outside(needs.patterns)
        return {path: digest for path, digest in found.items() if os.path.realpath(path) not in needs.code_files}


def _undone(record: Record, path: str, digest: str | None) -> str | None:
    """The digest that a file had before a stage, if it is now as that stage left it."""
    if record["state"] != "running":
        before, after = record["outputs"].get(path, (None, ""))
        return before if after == digest else digest
    # It was killed, and could not say what it wrote: what is new in its places, and what has changed under its names.
    before = record["before"].get(path)
    if before == digest or not (_covers(record["places"], path) or _covers(record["patterns"], path)):
        return digest
    return before if before is None or _covers(record["patterns"], path) else digest


def _covers(patterns: list[str], path: str) -> bool:
    """Whether a path is one that the patterns stand for, or below one."""
    return any(fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*") for pattern in patterns)


def _pairs(then: Digests, now: Digests) -> dict[str, tuple[str | None, str | None]]:
    return {name: (then.get(name), now.get(name)) for name in then.keys() | now.keys()}


def _differences(kind: str, pairs: dict[str, tuple[str | None, str | None]]) -> list[str]:
    """One line on all that has changed, that on the first of it."""
    changed = sorted(name for name, (then, now) in pairs.items() if then != now)
    if not changed:
        return []
    then, now = pairs[changed[0]]
    how = "is new" if then is None else "is gone" if now is None else "changed"
    colon = ":" if kind in ("code", "configuration") else ""
    return [f"{kind}{colon} {changed[0]} {how}{_and_more(len(changed))}"]


def _and_more(count: int) -> str:
    return f", and {count - 1} more" if count > 1 else ""


def _shown(value: str | None) -> str:
    return "not there" if value is None else value if value else "empty"
