"""PDF from LaTeX: how latexmk is called, what is said where it fails or is absent, and once the real one."""

import os
import shutil
from pathlib import Path

import pytest

import speechlib.io.latex
from speechlib.io.latex import compile_pdf

SOURCE = "\\documentclass{article}\\begin{document}Hallo\\end{document}\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a report.tex"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def latexmk(tmp_path, monkeypatch):
    """Puts a script of this name in the way of the real one."""

    def put(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "latexmk"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return put


OUT = 'for arg; do case $arg in -outdir=*) out=${arg#-outdir=};; esac; done\n'


def test_the_pdf_lies_beside_its_source(source, latexmk):
    latexmk(OUT + 'printf "%s\\n" "$@" > args; echo made > "$out/report.pdf"')
    assert compile_pdf(source) == (source.with_suffix(".pdf"), "")
    assert source.with_suffix(".pdf").read_text() == "made\n"
    args = (source.parent / "args").read_text().splitlines()
    assert args[-1] == "./a report.tex" and {"-norc", "-pdf", "-latexoption=-no-shell-escape"} <= set(args)
    assert sorted(path.name for path in source.parent.iterdir()) == ["a report.pdf", "a report.tex", "args", "bin"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (OUT + 'echo "! Undefined control sequence." > "$out/report.log"; exit 12', "! Undefined control sequence."),
        ("echo no engine >&2; exit 1", "no engine"),
        ("exit 0", "no message"),
    ],
)
def test_failures_say_what_latex_said(source, latexmk, script, reason):
    latexmk(script)
    made, why = compile_pdf(source)
    assert made is None and why.startswith("LaTeX could not make") and why.endswith(f"a report.pdf: {reason}")
    assert not source.with_suffix(".pdf").exists()


def test_latex_that_hangs_is_ended_with_its_children(source, latexmk, monkeypatch):
    monkeypatch.setattr(speechlib.io.latex, "_SECONDS", 0.5)
    latexmk("sleep 60 & echo $! > pid; wait")
    assert compile_pdf(source) == (None, f"LaTeX had not finished {source} after 0.5 s")
    state = Path(f"/proc/{(source.parent / 'pid').read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_absence_is_no_error(source, monkeypatch):
    monkeypatch.setenv("PATH", "")
    made, why = compile_pdf(source)
    assert made is None and "latexmk is not installed" in why


def test_what_is_no_source(tmp_path):
    with pytest.raises(ValueError, match="ends in .tex"):
        compile_pdf(tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="a.tex"):
        compile_pdf(tmp_path / "a.tex")


def test_the_real_latexmk(source):
    if shutil.which("latexmk") is None or shutil.which("pdflatex") is None:
        pytest.skip("latexmk or pdflatex is not installed")
    made, why = compile_pdf(source)
    assert why == "" and made.read_bytes()[:5] == b"%PDF-"
