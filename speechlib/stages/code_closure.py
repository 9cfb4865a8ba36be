"""The scripts, modules and configurations that a piece of a recipe runs or reads, found in their text alone.

From a shell script leads what it names under steps/, utils/, local/ and conf/, files beside it, and `speechlib.bin.X`;
from a Python source its imports of ours, those in functions and of whole packages by importlib included. How jobs are
dispatched and stages run is left out: it has no say in what a stage computes.
"""

import glob
import os
import re

_SCRIPT = re.compile(r"(?:steps|utils|local|conf)/[\w./${}*-]*[\w*}]")
_MODULE = re.compile(r"speechlib\.bin\.([\w${}*]+)")
_WRAPPED = re.compile(r"python_command\.sh\"?\s+(\w+)")
_BESIDE = re.compile(r"(?<!\w)[\w-]+\.(?:sh|py|pl)\b")
_EXPANSION = re.compile(r"\$\{[^}]*\}|\$\w+|[${}]")
# Relative to the repository; a name that ends in / is a folder.
_NOT_COMPUTING = (
    "speechlib/jobs/", "speechlib/stages/", "utils/run.py", "utils/slurm.py", "utils/queue.py", "utils/run.pl",
    "utils/slurm.pl", "utils/queue.pl", "utils/stages.sh", "utils/dry_run.sh", "utils/setup_env.sh",
    "utils/env_packages.py", "utils/report_run.py", "utils/relocate.py",
)  # fmt: skip


class CodeClosure:
    """Finds code from a recipe's text on; what a file leads to is kept between runs, by its size and time.

    Args:
        recipe: the recipe's folder, where its scripts are run.
        top: the repository's folder.
        known: what an earlier object had in its attribute of that name; may be empty.

    Attributes:
        known: by real path, the file's state, what leads on from it, and a script's words.
        is_changed: whether known has changed.
    """

    def __init__(self, recipe: str, top: str, known: dict[str, list]) -> None:
        self._recipe = os.path.realpath(recipe)
        self._top = os.path.realpath(top)
        self._real: dict[str, str] = {}
        self._next: dict[str, list[str]] = {}
        self._modules: dict[tuple[str, str], list[str]] = {}
        self.known = known
        self.is_changed = False

    def files(self, text: str) -> dict[str, str]:
        """The files behind a recipe's text: real path by name.

        A name is relative to the recipe's folder if the file is in it, else to the repository's.
        """
        pending = self._of_shell(text, self._recipe)
        found: set[str] = set()
        any_of: set[str] = set()  # conf/$type.conf: those whose name is a word of what was read
        words = set(re.findall(r"\w+", text))
        while pending:
            path = pending.pop()
            if "*" in path:
                any_of.add(path)
            elif path not in found and not self._is_dispatch(path) and os.path.isfile(path):
                found.add(path)
                pending += self._leads_to(path)
                if not path.endswith(".py"):
                    words |= set(self.known[path][2])
        for pattern in any_of:
            found |= {file for file in glob.glob(pattern) if os.path.basename(file).partition(".")[0] in words}
        return {self._name(path): path for path in sorted(found)}

    def _name(self, path: str) -> str:
        for folder in (self._recipe, self._top):
            if path.startswith(folder + "/"):
                return path[len(folder) + 1 :]
        return path

    def _is_dispatch(self, path: str) -> bool:
        name = path[len(self._top) + 1 :] if path.startswith(self._top + "/") else ""
        return any(name == other or (other.endswith("/") and name.startswith(other)) for other in _NOT_COMPUTING)

    def _leads_to(self, path: str) -> list[str]:
        if path not in self._next:
            status = os.stat(path)
            state = [status.st_size, status.st_mtime_ns]
            if path not in self.known or self.known[path][0] != state:
                self.known[path] = [state, *_words(path)]
                self.is_changed = True
            leads = self.known[path][1]
            if path.endswith(".py"):
                self._next[path] = [file for word in leads for file in self._module(word, os.path.dirname(path))]
            else:
                self._next[path] = self._of_shell("\n".join(leads), os.path.dirname(path))
        return self._next[path]

    def _of_shell(self, text: str, folder: str) -> list[str]:
        found = []
        for match in _SCRIPT.finditer(text):
            word = _EXPANSION.sub("*", match[0])
            for place in (self._recipe, self._top):
                path = self._real_path(os.path.join(place, word))
                if "*" not in word or os.path.basename(word).startswith("*."):
                    found.append(path)
                elif os.path.basename(word) != "*":
                    found += glob.glob(path)
        for match in (*_MODULE.finditer(text), *_WRAPPED.finditer(text)):
            word = _EXPANSION.sub("*", match[1])
            if word != "*":
                found += glob.glob(os.path.join(self._top, "speechlib/bin", f"{word}.py"))
        return found + [os.path.join(folder, word) for word in _BESIDE.findall(text)]

    def _real_path(self, path: str) -> str:
        if path not in self._real:
            self._real[path] = os.path.realpath(path)
        return self._real[path]

    def _module(self, word: str, folder: str) -> list[str]:
        """The files of an import: ours by the repository, others (of local/) by what lies beside the file."""
        base = self._top if word.split(".")[0] == "speechlib" else folder
        if (base, word) not in self._modules:
            parts = word.removesuffix(".*").split(".")
            stems = [os.path.join(base, *parts[:count]) for count in range(1, len(parts) + 1)]
            found = [file for stem in stems for file in (stem + ".py", stem + "/__init__.py")]
            if word.endswith(".*"):
                found += glob.glob(os.path.join(stems[-1], "*.py"))
            self._modules[base, word] = [file for file in found if os.path.isfile(file)]
        return self._modules[base, word]


def _words(path: str) -> tuple[list[str], list[str]]:
    """What of a file leads on, modules of a Python source or words of a script, and the words of a script."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError):
        return [], []
    if path.endswith(".py"):
        return _imports(text, _package_of(path)), []
    if path.endswith((".sh", ".pl")) or text.startswith("#!"):
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        patterns = (_SCRIPT, _MODULE, _WRAPPED, _BESIDE)
        leads = {match[0] for pattern in patterns for match in pattern.finditer(text)}
        return sorted(leads), sorted(set(re.findall(r"\w+", text)))
    return [], []


def _package_of(path: str) -> str:
    """The dotted package that a source belongs to; empty outside of packages."""
    parts: list[str] = []
    folder = os.path.dirname(path)
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    return ".".join(parts)


def _imports(text: str, package: str) -> list[str]:
    import ast  # only here: most runs find every file as it was

    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "iter_modules")):
            names.add(_computed_import(node, package))
    return sorted(name for name in names if name)


def _computed_import(node, package: str) -> str:
    """The package, all of it, behind import_module(f"demo_corpus.{name}") or iter_modules(__path__)."""
    import ast

    argument = node.args[0] if node.args else None
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) and argument.values else None
    if isinstance(first, ast.Constant) and "." in str(first.value):
        return str(first.value).rpartition(".")[0] + ".*"
    return f"{package}.*" if package else ""
