"""A stand-in for Kaldi's run.pl: jobs one after the other, their words put together by its rule for quotes.

A word without blanks goes to bash as it is, so that bash expands what it finds there; one with blanks in double quotes,
or in single ones where it has double quotes itself.
"""

import re
import subprocess
import sys
from pathlib import Path


def bash_word(word: str) -> str:
    """A word as run.pl writes it into its line of bash."""
    if re.fullmatch(r"\S+", word):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


def main() -> int:
    """Run the jobs; 1 if one of them fails."""
    words, name, numbers = sys.argv[1:], None, [1]
    while words[0].startswith("-") or re.fullmatch(r"\w+=\d+:\d+", words[0]):
        if words[0].startswith("-"):
            del words[:2]
        else:
            name, first, last = re.split("[=:]", words.pop(0))
            numbers = list(range(int(first), int(last) + 1))
    log, line = words[0], " ".join(map(bash_word, words[1:]))
    failed = False
    for number in numbers:
        path, command = (text.replace(name, str(number)) if name else text for text in (log, line))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as output:
            output.write(f"# {command}\n".encode())
            output.flush()
            done = subprocess.run(
                ["bash"], input=f"( {command} )".encode(), stdout=output, stderr=subprocess.STDOUT, check=False
            )
        failed |= done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
