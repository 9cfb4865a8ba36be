"""What the files of a recipe hold: digests by content inside its folder, sizes and times outside of it.

A digest leaves out the recipe's own place, so that a folder that was moved or copied is what it was; it is kept by the
file's size, times and inode, so that an unchanged file is read once.
"""

import glob
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator

_CHUNK = 1 << 20
_YOUNG = 100_000_000  # ns: a file that changed just now may change again without its time telling
# What no later stage reads: logs, pieces of data directories, backups, unfinished files, and everything hidden.
_PASSED_FOLDERS = re.compile(r"\..*|log|q|split\d+(utt)?|__pycache__")
_PASSED_FILES = re.compile(r"\..*|.*\.(log|tmp)|events\.out\.tfevents.*")
_SPECIFIER = re.compile(r"(?:(?:ark|scp)[a-z,]*:)?([^|\[]*?)(?::\d+)?(?:\[.*)?")
_MOST_KEPT = 2000  # paths in a list; longer lists are read again
_MOST_READ = 1 << 20  # bytes of a configuration that is searched for paths
State = tuple[int, int, int]


def file_state(path: str) -> State | None:
    """Size, time of the last change in ns, and inode; None where there is no such file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


class FileStates:
    """The files below one recipe's folder, by their paths relative to it.

    Args:
        recipe: that folder, absolute.
        places: its absolute paths, now and before it was moved.
        cache: file that keeps digests between runs.
        run: name of this run; what lies outside of the recipe's folder is looked at once a run.
    """

    def __init__(self, recipe: str, places: Iterable[str], cache: str, run: str) -> None:
        self._recipe = recipe
        self._places = sorted({place.rstrip("/") + "/" for place in places}, key=len, reverse=True)
        self._cache = cache
        self._kept = read_json(cache)
        if self._kept.get("run") != run:
            self._kept.update(run=run, outside={})
        for key in ("digests", "lists", "outside"):
            self._kept.setdefault(key, {})
        self._digests: dict[str, str | None] = {}
        self._changed = False

    def save(self) -> None:
        """Keep the digests for the next run."""
        if self._changed:
            self._kept["digests"] = {
                path: kept for path, kept in self._kept["digests"].items() if os.path.lexists(self.absolute(path))
            }
            write_json(self._cache, self._kept)

    def absolute(self, path: str) -> str:
        """A path as the operating system takes it."""
        return os.path.join(self._recipe, path)

    def relative(self, path: str) -> str | None:
        """A path relative to the recipe's folder, wherever that was when it was written; None outside of it."""
        if not path.startswith("/"):
            path = os.path.normpath(path)
            return None if path.startswith("../") or path == ".." else path
        path = os.path.normpath(path)
        return next((path[len(place) :] for place in self._places if path.startswith(place)), None)

    def digest(self, path: str) -> str | None:
        """Hash of a file's content without the recipe's place in it; None where there is no file."""
        if path not in self._digests:
            state = file_state(self.absolute(path))
            kept = self._kept["digests"].get(path)
            if state is None:
                self._digests[path] = None
            elif kept and tuple(kept[0]) == state:
                self._digests[path] = kept[1]
            else:
                self._digests[path] = self._read(path)
                if is_settled(state):
                    self._kept["digests"][path] = [state, self._digests[path]]
                    self._changed = True
        return self._digests[path]

    def _read(self, path: str) -> str | None:
        digest = hashlib.sha256()
        try:
            with open(self.absolute(path), "rb") as stream:
                chunk = stream.read(_CHUNK)
                is_text = b"\0" not in chunk
                while chunk:
                    if is_text:  # a path may be cut by the chunk's end, a line may not
                        chunk += stream.readline(_CHUNK)
                        for place in self._places:
                            chunk = chunk.replace(os.fsencode(place), b"")
                    digest.update(chunk)
                    chunk = stream.read(_CHUNK)
        except FileNotFoundError:
            return None
        except OSError as error:  # as good as any other content; who needs the file will say more
            return f"unreadable: {error.strerror}"
        return digest.hexdigest()

    def walk(self, patterns: Iterable[str]) -> Iterator[str]:
        """The files inside the recipe's folder that patterns stand for, or that lie below such folders.

        Patterns inside are relative or absolute paths with wildcards; those outside are passed over.
        """
        seen: set[tuple[int, int]] = set()
        for pattern in sorted(set(patterns)):
            inside = self.relative(pattern)
            if inside in (None, "."):
                continue
            for path in sorted(glob.glob(self.absolute(inside))):
                name = os.path.basename(path)
                if os.path.isdir(path):
                    if not _PASSED_FOLDERS.fullmatch(name):
                        yield from self._below(path, seen)
                elif os.path.isfile(path) and not _PASSED_FILES.fullmatch(name):
                    yield path[len(self._recipe) + 1 :]

    def _below(self, folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:  # links may lead in circles
            return
        seen.add((status.st_dev, status.st_ino))
        folders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    if not _PASSED_FOLDERS.fullmatch(entry.name):
                        folders.append(entry.path)
                elif entry.is_file() and not _PASSED_FILES.fullmatch(entry.name):
                    yield entry.path[len(self._recipe) + 1 :]
        for path in folders:
            yield from self._below(path, seen)

    def outside(self, patterns: Iterable[str]) -> dict[str, str]:
        """What patterns stand for outside of the recipe's folder: by path, a hash of names, sizes and times."""
        found = {}
        for pattern in sorted(set(patterns)):
            if self.relative(pattern) is None and not self._is_above(pattern):
                for path in sorted(glob.glob(self.absolute(pattern))):
                    name = path if os.path.isabs(pattern) else path[len(self._recipe) + 1 :]
                    found[name] = self.once_a_run(name, lambda path=path: _listing(path))
        return found

    def _is_above(self, path: str) -> bool:
        path = os.path.normpath(self.absolute(path))
        return path == self._recipe or self._recipe.startswith(path.rstrip("/") + "/") or path.startswith("/dev")

    def once_a_run(self, key: str, compute: Callable[[], str]) -> str:
        """What compute returned when it was first asked for in this run."""
        if key not in self._kept["outside"]:
            self._kept["outside"][key] = compute()
            self._changed = True
        return self._kept["outside"][key]

    def named_in(self, path: str, content: str, state_of: Callable[[str], str | None]) -> str | None:
        """One hash of the files that a list (.scp) or a configuration (.ini, .tsv) names, None for other files.

        Args:
            path: the list.
            content: its digest, which it may have had earlier; of a long list only the present one will do.
            state_of: the state of a file inside the recipe's folder.
        """
        suffix = os.path.splitext(path)[1]
        if suffix not in (".scp", ".ini", ".tsv"):
            return None
        key = f"{suffix}{content}"
        names = self._kept["lists"].get(key)
        if names is None:
            if content != self.digest(path):
                return None
            if (known := self._kept["outside"].get(f"all of {key}")) is not None:
                return known  # a long list of recordings
            names = self._names_in(path) if suffix == ".scp" else self._paths_in(path)
            names = sorted({self.relative(name) or name for name in names} - {""})
            if len(names) <= _MOST_KEPT:
                self._kept["lists"][key] = names
                self._changed = True
        if not names:
            return None
        digest = hashlib.sha256()
        others = [name for name in names if self.relative(name) is None]
        for file in sorted(set(self.walk(map(glob.escape, names)))):
            if state := state_of(file):
                digest.update(os.fsencode(f"{file}\0{state}\n"))
        if others:
            digest.update(self.once_a_run(key, lambda: _states_of(others)).encode())
        if len(names) > _MOST_KEPT and len(others) == len(names):
            return self.once_a_run(f"all of {key}", digest.hexdigest)
        return digest.hexdigest()

    def _names_in(self, path: str) -> set[str]:
        """The files of a script file: archives without offsets, plain files, and those that its pipes name."""
        names: set[str] = set()
        with open(self.absolute(path), encoding="utf-8", errors="surrogateescape") as stream:
            for line in stream:
                value = line.rstrip("\n").partition(" ")[2].strip()
                if value.endswith("|"):
                    names |= {word for word in value.split() if "/" in word and os.path.isfile(self.absolute(word))}
                elif match := _SPECIFIER.fullmatch(value):
                    names.add(match[1])
        return names

    def _paths_in(self, path: str) -> set[str]:
        if os.path.getsize(self.absolute(path)) > _MOST_READ:
            return set()
        with open(self.absolute(path), encoding="utf-8", errors="surrogateescape") as stream:
            words = set(re.split(r"[\s=,;:\"']+", stream.read()))
        words = {word for word in words if "/" in word.strip("/") and not self._is_above(word)}
        return {word for word in words if os.path.exists(self.absolute(word))}


def _listing(path: str) -> str:
    """A hash of names, sizes and times of a file, or of all that is below a folder."""
    digest = hashlib.sha256()
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        here = pending.pop()
        try:
            status = os.stat(here)
            if not os.path.isdir(here):
                digest.update(os.fsencode(f"{here[len(path) :]}\0{status.st_size} {status.st_mtime_ns}\n"))
            elif (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                pending += sorted(entry.path for entry in os.scandir(here) if not entry.name.startswith("."))
        except OSError as error:
            digest.update(os.fsencode(f"{here[len(path) :]}\0{error.strerror}\n"))
    return digest.hexdigest()


def _states_of(paths: list[str]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        state = file_state(path)
        digest.update(os.fsencode(f"{path}\0{state[:2] if state else None}\n"))
    return digest.hexdigest()


def is_settled(state: State) -> bool:
    """Whether a later change of the file will show in its time, as the file systems count it."""
    age = time.time_ns() - state[1]
    return age > (_YOUNG if state[1] % 1_000_000_000 else 20 * _YOUNG)


def write_json(path: str, value: object) -> None:
    """Write a file that appears whole."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump(value, stream, ensure_ascii=False, indent=None, separators=(",", ":"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def read_json(path: str) -> dict:
    """The JSON object in a file; an empty one where there is none, or half of one."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            value = json.load(stream)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
