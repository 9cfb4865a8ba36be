"""Any text as LaTeX that prints it: nothing in a file's name or an option is obeyed as a command."""

from __future__ import annotations

import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "-{}",  # two of them would become a dash
    "[": "{[}",  # after a line's end these would be its options
    "]": "{]}",
    "*": "{*}",
    "\u2013": "--",
    "\u2014": "---",
    "\u2026": r"\ldots{}",
    "\u20ac": r"\texteuro{}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "÷": r"\ensuremath{\div}",
    "¬": r"\ensuremath{\neg}",
    "µ": r"\ensuremath{\mu}",
    "\u2212": r"\ensuremath{-}",
    "\u2264": r"\ensuremath{\leq}",
    "\u2265": r"\ensuremath{\geq}",
    "\u00a0": "~",
    "\u00ad": r"\-",
} | {character: "\\" + character for character in "{}_%&#$"}
# Letters that T1 fonts have beyond Latin-1 (Polish, Czech, Turkish, ...).
_T1 = frozenset("ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽžİı")
_LATIN_1 = frozenset(map(chr, range(0xA1, 0x100)))
_GREEK = frozenset(
    "ALPHA BETA GAMMA DELTA EPSILON ZETA ETA THETA IOTA KAPPA LAMDA MU NU XI PI RHO SIGMA TAU UPSILON PHI CHI PSI "
    "OMEGA".split()
)
_GREEK_CAPITALS = frozenset("GAMMA DELTA THETA LAMDA XI PI SIGMA UPSILON PHI PSI OMEGA".split())


def latex_escape(text: str) -> str:
    """A text as LaTeX for pdflatex with T1 fonts; spaces and line ends become single spaces.

    Greek letters are set as mathematics; what the fonts do not have is written as its code, U+4E2D.
    """
    return "".join(map(_character, " ".join(unicodedata.normalize("NFC", text).split())))


def latex_lines(text: str) -> str:
    """A text as lines of typewriter type, with its spaces and empty lines."""
    lines = []
    for line in unicodedata.normalize("NFC", text.rstrip()).expandtabs(4).splitlines():
        # Spaces that begin a line or follow another would be lost; the others let long lines break.
        kept = "".join(
            "~" if character == " " and (index == 0 or line[index - 1] == " ") else _character(character)
            for index, character in enumerate(line)
        )
        lines.append(f"\\texttt{{{kept}}}\\\\" if line else "\\mbox{}\\\\")
    return "\n".join(lines)


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii():
        return character if character.isprintable() else ""
    if character in _LATIN_1 or character in _T1:
        return character
    name = unicodedata.name(character, "").split()
    if len(name) == 4 and name[0] == "GREEK" and name[3] in _GREEK:
        letter = "lambda" if name[3] == "LAMDA" else name[3].lower()
        if name[1] == "SMALL":
            return f"\\ensuremath{{\\{letter}}}"
        if name[3] in _GREEK_CAPITALS:
            return f"\\ensuremath{{\\{letter.capitalize()}}}"
    return f"U+{ord(character):04X}"
