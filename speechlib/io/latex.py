"""PDF from LaTeX by latexmk, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from speechlib.io.atomic import atomic_write

_SECONDS = 180
_ERROR = re.compile(r"^!.*$", re.MULTILINE)


def compile_pdf(tex_path: str | os.PathLike) -> tuple[Path | None, str]:
    """Make the PDF beside a LaTeX file; its pictures are looked for in the file's folder.

    No configuration file of latexmk is read, since those are programs, and LaTeX may start no command.

    Args:
        tex_path: ends in .tex.

    Returns:
        The PDF and "", or None and why there is none: latexmk is not installed, or LaTeX's own first error.

    Raises:
        ValueError: the name does not end in .tex. OSError: no such file.
    """
    source = Path(tex_path)
    if source.suffix != ".tex":
        raise ValueError(f"{source}: expected a file that ends in .tex")
    if not source.is_file():
        raise FileNotFoundError(f"{source}: there is no such file")
    latexmk = shutil.which("latexmk")
    if latexmk is None:
        return None, "latexmk is not installed (Debian: apt-get install latexmk texlive-latex-recommended lmodern)"
    with tempfile.TemporaryDirectory() as folder:
        command = [latexmk, "-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error"]
        command += ["-latexoption=-no-shell-escape", f"-outdir={folder}", "-jobname=report", f"./{source.name}"]
        process = subprocess.Popen(
            command, cwd=source.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # LaTeX itself is a child of latexmk
            process.communicate()
            return None, f"LaTeX had not finished {source} after {_SECONDS} s"
        made = Path(folder) / "report.pdf"
        if process.returncode or not made.is_file():
            log = Path(folder) / "report.log"
            said = _ERROR.findall(log.read_text(errors="replace") if log.is_file() else "")
            last = (output.strip() or "no message").splitlines()[-1]
            return None, f"LaTeX could not make {source.with_suffix('.pdf')}: {said[0] if said else last}"
        target = source.with_suffix(".pdf")
        with atomic_write(target) as file:
            file.write(made.read_bytes())
        return target, ""
