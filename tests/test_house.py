"""The house rules that a machine can check: floors, imports, what is banned, and the linters' opinion."""

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MATHS = {"features", "augment", "nnet", "gmm", "backend", "clustering", "metrics", "probing", "traits", "report"}
# Commands that are nothing without torch; the others import it, if at all, where they use it.
TORCH_COMMANDS = re.compile(r"train_.*")


@cache
def files() -> list[Path]:
    """The repository's own files: tracked, or new and not ignored; no links."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, text=True
    )
    if listing.returncode == 0 and listing.stdout:
        found = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:  # an unpacked archive
        ignored = {".git", ".venv", "__pycache__", "build", ".pytest_cache", ".ruff_cache", ".hypothesis"}
        found = [
            path
            for path in ROOT.rglob("*")
            if not ignored & set(path.relative_to(ROOT).parts)
            and not re.match(r"egs/[^/]+/(data|exp)/", str(path.relative_to(ROOT)))
        ]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def python_files() -> list[Path]:
    """Every Python source."""
    return [path for path in files() if path.suffix == ".py"]


def shell_files() -> list[Path]:
    """Every shell script, by its name or its first line."""
    found = []
    for path in files():
        with path.open("rb") as stream:
            first = stream.readline(80)
        if path.suffix == ".sh" or re.match(rb"#!.*\b(ba)?sh\b", first):
            found.append(path)
    return found


def program(name: str) -> str:
    """A linter of the test tools: on PATH, or beside this Python."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or (str(beside) if beside.exists() else None)
    assert found, f"{name} is not installed: tests/run.sh sets up the test tools"
    return found


def relative(path: Path) -> str:
    """A path as one would name it in the repository."""
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed source of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(node: ast.AST, everywhere: bool = True) -> set[str]:
    """Modules that a source imports; with everywhere=False just those at its start, not those in functions."""
    names: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            names |= {alias.name for alias in child.names}
        elif isinstance(child, ast.ImportFrom):
            module = "." * child.level + (child.module or "")
            names |= {module} | {f"{module}.{alias.name}" for alias in child.names}
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not everywhere:
            continue
        elif everywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            names |= imported(child, everywhere)
    return names


def module_file(name: str) -> Path | None:
    """The source of one of our modules, None for others."""
    path = ROOT / name.replace(".", "/")
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if name.split(".")[0] == "speechlib" and candidate.exists():
            return candidate
    return None


def imported_at_start(name: str) -> set[str]:
    """Everything that importing a module of ours imports, ours and (by their first names) others'."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        path = module_file(module)
        if path is None:
            seen.add(module.split(".")[0])
        elif module not in seen:
            seen.add(module)
            waiting += imported(tree_of(path), everywhere=False)
    return seen


COMMANDS = sorted(path.stem for path in (ROOT / "speechlib/bin").glob("*.py") if path.stem != "__init__")


def test_imports_run_down_the_floors_only():
    wrong = []
    for path in python_files():
        parts = path.relative_to(ROOT).parts
        floor = parts[1] if parts[0] == "speechlib" and len(parts) > 2 else ""
        if not floor:
            continue
        for name in imported(tree_of(path)):
            target = name.split(".")[1] if name.startswith("speechlib.") else ""
            if not target or target == floor or not (ROOT / "speechlib" / target).is_dir():
                continue
            # Only the commands, and what experiments share, join floors; io knows no maths, a maths package neither io
            # nor another one. Stages take in what jobs noted.
            if (floor, target) == ("stages", "jobs"):
                continue
            if floor not in ("bin", "experiments") or (floor == "experiments" and target == "bin"):
                wrong.append(f"{relative(path)} imports {name}")
            elif target == "bin":
                wrong.append(f"{relative(path)} imports another command, {name}")
    assert not wrong, "\n".join(wrong)


def test_every_package_has_its_place():
    packages = {path.name for path in (ROOT / "speechlib").iterdir() if (path / "__init__.py").exists()}
    assert packages <= MATHS | {"bin", "experiments", "io", "jobs", "stages"}


def test_importing_the_package_imports_nothing():
    code = "import sys; before = set(sys.modules); import speechlib; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "['speechlib']"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_starts_without_torch(command):
    if TORCH_COMMANDS.fullmatch(command):
        pytest.skip("it is nothing without torch")
    heavy = {"torch", "torchaudio", "sklearn", "tensorboard"}
    assert not heavy & imported_at_start(f"speechlib.bin.{command}")


def test_dispatchers_and_stages_need_the_standard_library_only():
    for path in [*(ROOT / "speechlib/jobs").glob("*.py"), *(ROOT / "speechlib/stages").glob("*.py")]:
        others = {name.split(".")[0] for name in imported(tree_of(path))} - {"speechlib"}
        assert others <= set(sys.stdlib_module_names), relative(path)


def test_nothing_that_runs_code_from_files():
    wrong = []
    for path in python_files():
        tree = tree_of(path)
        where = relative(path)
        banned = [name for name in imported(tree) if name.split(".")[0] in ("pickle", "dill", "marshal")]
        if where.startswith("tests/"):  # which write hostile files
            banned = []
        wrong += [f"{where} imports {name}" for name in banned]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if name in ("eval", "exec", "os.system", "os.popen"):
                wrong.append(f"{where}:{node.lineno}: {name}")
            if name == "torch.load" and keywords.get("weights_only") != "True":
                wrong.append(f"{where}:{node.lineno}: torch.load without weights_only=True")
            if name in ("np.load", "numpy.load") and keywords.get("allow_pickle", "False") != "False":
                wrong.append(f"{where}:{node.lineno}: numpy.load with allow_pickle")
            # Kaldi's pipes in scp files and specifiers are the one exception.
            if keywords.get("shell", "False") != "False" and not where.startswith("speechlib/io/"):
                wrong.append(f"{where}:{node.lineno}: shell=True")
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_is():
    silent = [relative(path) for path in python_files() if path.stat().st_size and not ast.get_docstring(tree_of(path))]
    assert not silent


def test_no_path_of_a_certain_machine():
    machine = re.compile(r"(?<![\w.$}~-])/(work|root|export|Users|mnt)/")
    wrong = []
    for path in files():
        text = path.read_bytes()
        if b"\0" in text or path == Path(__file__).resolve():
            continue
        for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
            if machine.search(line):
                wrong.append(f"{relative(path)}:{number}: {line.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


def test_scripts_are_executable_and_stop_at_errors():
    wrong = []
    for path in shell_files():
        text = path.read_text()
        sourced = not text.startswith("#!")
        if not sourced and not os.access(path, os.X_OK):
            wrong.append(f"{relative(path)} is not executable")
        if not sourced and "set -euo pipefail" not in text:
            wrong.append(f"{relative(path)} lacks set -euo pipefail")
    assert not wrong, "\n".join(wrong)


def test_shellcheck():
    done = subprocess.run([program("shellcheck"), *shell_files()], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff():
    done = subprocess.run([program("ruff"), "check", "--no-cache", "."], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
