"""The pictures of a page: drawn once, in the format that PLOT.format asks for, kept beside the page and inside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from speechlib.io.atomic import atomic_write
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.report.experiment_page import Picture
from speechlib.report.style import figure_bytes


class Pictures:
    """Pictures in the order in which they were added.

    Args:
        ini: of the experiment.
        folder: of the page, where they are written, too.
    """

    def __init__(self, ini: ExperimentIni, folder: Path):
        self._kind, prefix = ini.get("PLOT", "format"), ini.get("PLOT", "name")
        self._prefix, self._folder = f"{prefix}_" if prefix else "", folder
        self._pictures: list[Picture] = []
        self._files: dict[str, bytes] = {}

    def __iter__(self) -> Iterator[Picture]:
        return iter(self._pictures)

    def add(self, name: str, figure: Figure, title: str, caption: str) -> None:
        """Draw a picture; pages and LaTeX take PNG where the format is PDF, which is written beside."""
        stem = self._prefix + name
        contents = figure_bytes(figure, self._kind)
        self._files[f"{stem}.{self._kind}"] = contents
        shown = "png" if self._kind == "pdf" else self._kind
        if shown != self._kind:
            contents = self._files[f"{stem}.{shown}"] = figure_bytes(figure, shown)
        self._pictures.append(Picture(f"{stem}.{shown}", contents, title, caption))

    def write(self) -> None:
        """Write the files into the folder, each whole or not at all."""
        for name, contents in self._files.items():
            with atomic_write(self._folder / name) as file:
                file.write(contents)
