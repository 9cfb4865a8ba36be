"""Command-line conventions: Kaldi's option syntax and one-line errors."""

import errno
import subprocess
import sys

import pytest

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run


@pytest.fixture
def parser():
    parser = KaldiArgumentParser(prog="tool")
    parser.add_argument("--norm-vars", type=kaldi_bool, default=False, help="normalise")
    parser.add_argument("--high-freq", type=float, default=0.0, help="cut")
    parser.add_argument("--cmd", default="run.py", help="dispatcher")
    parser.add_argument("input")
    return parser


@pytest.mark.parametrize(
    "arguments",
    [
        ["--norm-vars=true", "x"],
        ["--norm-vars", "true", "x"],
        ["--norm-vars", "x"],
        ["x", "--norm-vars"],
        ["--norm-vars=T", "x"],
        ["--norm-vars=", "x"],
    ],
)
def test_booleans(parser, arguments):
    parsed = parser.parse_args(arguments)
    assert parsed.norm_vars is True
    assert parsed.input == "x"


def test_values_may_begin_with_a_dash(parser):
    assert parser.parse_args(["--high-freq", "-400", "-"]).high_freq == -400
    parsed = parser.parse_args(["--cmd", "--odd --value", "-"])
    assert (parsed.cmd, parsed.input) == ("--odd --value", "-")
    assert parser.parse_args(["--", "--norm-vars"]).input == "--norm-vars"


def test_options_of_every_kaldi_program_are_read(parser):
    parsed = parser.parse_args(["--verbose=2", "--cmd", "x", "--print-args", "false", "y"])
    assert (parsed.cmd, parsed.input) == ("x", "y")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--norm-var=true", "x"], "unknown option --norm-var (did you mean --norm-vars?)"),
        (["--normvars"], "did you mean --norm-vars?"),
        (["--norm-vars=perhaps", "x"], "expected true or false"),
        (["--high-freq=high", "x"], "invalid float value"),
        ([], "required: input"),
        (["--high-freq"], "expected one argument"),
    ],
)
def test_usage_errors_exit_with_1(parser, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(arguments)
    assert stop.value.code == 1
    assert message in capsys.readouterr().err


def test_help_shows_defaults(parser, capsys):
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(["--help"])
    assert stop.value.code == 0
    assert "(default: run.py)" in capsys.readouterr().out


def test_kaldi_bool():
    assert [kaldi_bool(text) for text in ("true", "T", "1", "false", "F", "0")] == [True] * 3 + [False] * 3
    with pytest.raises(ValueError, match="yes"):
        kaldi_bool("yes")


FEWER = "; run fewer jobs at a time: --nj, or --mem of the dispatcher"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("wrong"), "wrong"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.ark"), "a.ark: No such file or directory"),
        (OSError("the command failed"), "the command failed"),
        (ModuleNotFoundError("needs opensmile"), "needs opensmile"),
        (OSError(errno.ENOSPC, "Full", "a.ark"), "a.ark: Full; make room there and run this again"),
        (MemoryError(), f"out of memory (MemoryError){FEWER}"),
        (RuntimeError("DefaultCPUAllocator: no\nmore"), f"out of memory (DefaultCPUAllocator: no){FEWER}"),
    ],
)
def test_run_reports_on_one_line(monkeypatch, capsys, error, message):
    def main():
        raise error

    monkeypatch.setattr(sys, "argv", ["/somewhere/tool.py"])
    with pytest.raises(SystemExit) as stop:
        run(main)
    assert stop.value.code == 1
    assert capsys.readouterr().err == f"tool: error: {message}\n"


def test_run_passes_the_status_and_other_exceptions():
    for status, code in ((None, 0), (0, 0), (3, 3)):
        with pytest.raises(SystemExit) as stop:
            run(lambda status=status: status)
        assert stop.value.code == code
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="a bug"):
        run(lambda: (_ for _ in ()).throw(RuntimeError("a bug")))

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        run(interrupted)
    assert stop.value.code == 130


def test_closed_pipe_is_quiet(root):
    code = "from speechlib.io.cli import run\ndef main():\n    for i in range(10**6): print(i)\nrun(main)"
    command = f"{sys.executable} -c '{code}' | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n141\n", "")


@pytest.mark.parametrize("first", ["import numpy", "threading.Thread(target=time.sleep, args=[0.1]).start()"])
def test_a_program_ends_with_its_status_and_exit_functions(root, first):
    code = f"""
import atexit, threading, time
{first}
from speechlib.io.cli import run
atexit.register(lambda: print("late"))
def main():
    print("early")
    return 3
run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "early\nlate\n", "")
