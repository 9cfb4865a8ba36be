"""Tests of utils/setup_env.sh: which Python is taken, and how one is made; with small packages and no network."""

import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

# What the script may use of a bare machine.
TOOLS = (
    "awk bash cat chmod cksum cp cut dirname env flock grep id mkdir mv readlink rm sh sleep stat "
    "tail touch tr true"
)


def make_wheel(folder: Path, name: str) -> None:
    """A package with one module, which says its version."""
    info = f"{name}-1.5.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.5-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "VERSION = '1.5'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class Tree:
    """A repository of nothing but its environment scripts, on a machine of nothing but some tools and one Python."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.top, self.bin, self.wheels = folder / "top", folder / "bin", folder / "wheels"
        for made in (self.top / "utils", self.bin, self.wheels):
            made.mkdir(parents=True)
        for name in ("utils/setup_env.sh", "utils/env_packages.py"):
            shutil.copy(root / name, self.top / name)
        for name in TOOLS.split():
            (self.bin / name).symlink_to(shutil.which(name))
        self.require(core=["pytest>=1"], test=["speechlib_probe>=1.2"])
        self.environment = {
            "PATH": str(self.bin),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(self.wheels),
        }

    def require(self, core: list[str], test: list[str]) -> None:
        """Write pyproject.toml and constraints.txt."""
        lists = f"dependencies = {core}\ntest = {test}\n".replace("'", '"')
        (self.top / "pyproject.toml").write_text(lists)
        (self.top / "constraints.txt").write_text("speechlib_probe==1.5\n")

    def python(self, name: str = "python3", text: str = f'exec {sys.executable} "$@"') -> Path:
        """Put a program on the machine's PATH."""
        program = self.bin / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        return program

    def start(self, *extras: str, **variables: str) -> subprocess.Popen:
        """Start utils/setup_env.sh."""
        return subprocess.Popen(
            [self.top / "utils/setup_env.sh", *extras],
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *extras: str, **variables: str) -> tuple[int, str, str]:
        """Its exit status, standard output and standard error."""
        process = self.start(*extras, **variables)
        out, err = process.communicate(timeout=120)
        return process.returncode, out.strip(), err

    def shell(self, script: str, **variables: str) -> str:
        """Output of a script that sources it."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f". {self.top}/utils/setup_env.sh; {script}"],
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()


@pytest.fixture
def tree(root, tmp_path) -> Tree:
    return Tree(root, tmp_path)


NO_VENV = f"""case "$*" in *venv*) echo 'No module named venv' >&2; exit 1 ;; esac
exec {sys.executable} "$@" """


def base_python() -> str:
    """A Python that can make environments: the one behind this one, if this is an environment itself."""
    return f'exec {Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"} "$@"'


def test_a_complete_python_is_used_as_it_is(tree):
    tree.python()
    status, out, err = tree.run()
    assert (status, err) == (0, "")
    assert Path(out).parent == Path(sys.executable).parent
    assert not (tree.top / ".venv" / "bin").exists()


def test_the_scripts_that_source_it_get_paths_and_locale(tree):
    tree.python()
    show = 'command -v python3; echo "$PYTHONPATH|$LC_ALL|$PYTHONUTF8"; python -c "import pytest; print(3)"'
    lines = tree.shell(show, PYTHONPATH="/mine").splitlines()
    assert lines == [str(Path(sys.executable).parent / "python3"), f"{tree.top}:/mine|C|1", "3"]
    again = f"before=$PATH$PYTHONPATH; . {tree.top}/utils/setup_env.sh"
    assert tree.shell(again + '; [ "$before" = "$PATH$PYTHONPATH" ] && echo same') == "same"


def test_it_leaves_no_option_and_no_argument_of_the_script_changed(tree):
    tree.python()
    out = tree.shell(f"set -- a b; . {tree.top}/utils/setup_env.sh; echo $@; compgen -v | grep '^[a-z]' || true")
    assert out == "a b"


def test_a_python_without_the_name_python_gets_one(tree):
    program = tree.python()
    found = tree.shell(f"_speechlib_programs {program}")
    assert found != str(program.parent)
    assert subprocess.run([f"{found}/python", "-c", "print(7)"], capture_output=True, text=True).stdout == "7\n"
    assert (Path(found) / "python3").exists()


def test_an_environment_is_made_where_there_is_none(tree):
    tree.require(core=["speechlib_probe>=1.2"], test=[])
    tree.python(text=base_python())
    status, _, err = tree.run()
    assert status == 1 and "pip failed; the end of its log" in err and "speechlib_probe" in err
    assert (tree.top / ".venv/.installing").exists()

    make_wheel(tree.wheels, "speechlib_probe")
    both = [tree.start(), tree.start()]  # two first runs at one time
    results = [process.communicate(timeout=120) for process in both]
    python = tree.top / ".venv/bin/python"
    assert [process.returncode for process in both] == [0, 0], results
    assert {out.strip() for out, _ in results} == {str(python)}
    said = "".join(err for _, err in results)
    assert said.count("installing Python packages") == 1 and said.count("waiting for another run") == 1
    assert tree.shell("python -c 'import speechlib_probe; print(speechlib_probe.VERSION)'") == "1.5"

    began = time.perf_counter()
    assert tree.run()[0] == 0
    assert time.perf_counter() - began < 5  # from the cache: 0.03 s on an idle machine
    (tree.top / "speechlib_here.py").touch()  # this Python finds the tree from anywhere, without PYTHONPATH
    subprocess.run([python, "-c", "import speechlib_here"], cwd="/", env={"PATH": os.environ["PATH"]}, check=True)

    # An installation that was broken off is taken up again, one whose packages went missing, too.
    (tree.top / ".venv/.installing").touch()
    status, _, err = tree.run()
    assert status == 0 and "installing" in err and not (tree.top / ".venv/.installing").exists()
    next(tree.top.glob(".venv/lib/python*/site-packages/speechlib_probe-1.5.dist-info/METADATA")).unlink()
    shutil.rmtree(next(tree.top.glob(".venv/lib/python*/site-packages/speechlib_probe-1.5.dist-info")))
    status, _, err = tree.run()
    assert status == 0 and "installing" in err


def test_test_tools_go_beside_a_complete_environment(tree):
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("this Python has no pip")
    make_wheel(tree.wheels, "speechlib_probe")
    tree.python()
    status, out, err = tree.run("test")
    assert status == 0 and Path(out).parent == Path(sys.executable).parent, err
    version = tree.shell("python -c 'import speechlib_probe; print(speechlib_probe.VERSION)'", _speechlib_extras="test")
    assert version == "1.5"
    assert not (tree.top / ".venv/bin").exists()
    assert subprocess.run([sys.executable, "-c", "import speechlib_probe"], capture_output=True).returncode == 1


def test_speechlib_python_is_binding(tree):
    tree.require(core=["speechlib_absent>=1", "pytest>=1000"], test=[])
    tree.python("mine")
    status, _, err = tree.run(SPEECHLIB_PYTHON="mine")
    assert status == 1
    assert "SPEECHLIB_PYTHON=mine cannot serve" in err and "speechlib_absent is missing, pytest " in err
    assert "is older than 1000" in err
    status, _, err = tree.run(SPEECHLIB_PYTHON="nowhere")
    assert status == 1 and "no such program" in err


@pytest.mark.parametrize("python", [None, NO_VENV, "echo 3.6 >&2; exit 1"], ids=["none", "no-venv", "too-old"])
def test_a_machine_that_offers_no_python_is_told_what_to_type(tree, python):
    tree.require(core=["speechlib_absent>=1"], test=[])
    if python:
        tree.python(text=python)
    status, _, err = tree.run()
    assert status == 1
    assert "sudo apt-get update && sudo apt-get install -y python3 python3-venv" in err


def test_apt_is_asked_where_sudo_needs_no_password(tree):
    tree.require(core=["speechlib_probe>=1.2"], test=[])
    make_wheel(tree.wheels, "speechlib_probe")
    tree.python(text=NO_VENV)
    tree.python("good", text=base_python())
    tree.python("id", "echo 1000")
    tree.python("sudo", 'echo sudo >>"$HOME/asked"; [ "$1" = -n ] && shift; exec "$@"')
    tree.python("apt-get", 'echo "$@" >>"$HOME/asked"; [ "$1" = update ] || cp "${0%/*}/good" "${0%/*}/python3"')
    status, out, err = tree.run()
    assert status == 0 and out == str(tree.top / ".venv/bin/python"), err
    asked = (tree.top.parent / "asked").read_text().splitlines()
    assert asked == ["sudo", "sudo", "update", "sudo", "install -y --no-install-recommends python3 python3-venv"]


def test_apt_is_asked_as_root_and_shows_its_complaint(tree):
    tree.require(core=["speechlib_absent>=1"], test=[])
    tree.python(text=NO_VENV)
    tree.python("id", "echo 0")
    tree.python("apt-get", "echo 'Temporary failure resolving' >&2; exit 100")
    status, _, err = tree.run()
    assert status == 1 and "Temporary failure resolving" in err and "sudo apt-get install" in err


def test_nothing_needs_a_home(tree):
    tree.python()
    tree.environment["XDG_CACHE_HOME"] = tree.environment["HOME"] = "/proc/nowhere"
    assert tree.run()[0] == 0
