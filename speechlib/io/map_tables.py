"""Maps of words (utt2spk, spk2utt, num_utts) where a command takes Kaldi's rspecifier or just the name of a file."""

from speechlib.io.maps import read_map, split_blanks
from speechlib.io.specifiers import is_plain_file, is_specifier, parse_rspecifier, split_offset
from speechlib.io.tables import read_table


def read_word_map(source: str) -> dict[str, str]:
    """Read a map of one value a key, such as utt2spk.

    Args:
        source: a file, or an rspecifier: `ark:utt2spk`, `ark:sort utt2spk |`, `ark:-`.

    Raises:
        ValueError: a line that is no `key value`, or a key that comes twice; with file and line, or the key.
        OSError: the file is missing or the command failed.
    """
    path = _plain_text(source)
    if path is not None:
        return read_map(path)
    return {key: " ".join(words) for key, words in _read_words(source).items()}


def read_list_map(source: str) -> dict[str, list[str]]:
    """Read a map of several values a key, such as spk2utt; `source` and errors are those of `read_word_map`."""
    path = _plain_text(source)
    if path is not None:
        return {key: split_blanks(value) for key, value in read_map(path).items()}
    return _read_words(source)


def read_count_map(source: str) -> dict[str, int]:
    """Read a map of positive integers, such as num_utts, in text or binary.

    Raises:
        ValueError: a value that is no integer, or less than 1; names the key. OSError: as `read_word_map`.
    """
    table = source if is_specifier(source) else f"ark:{source}"
    counts: dict[str, int] = {}
    for key, count in read_table(table, "int"):
        if key in counts:
            raise ValueError(f"{source}: {key!r} is there twice; keep one")
        if count < 1:
            raise ValueError(f"{source}: the count of {key!r} is {count}: expected at least 1")
        counts[key] = count
    return counts


def _plain_text(source: str) -> str | None:
    """The path of a file that `read_map` reads, None for a pipe, standard input or a script."""
    if not is_specifier(source):
        return source
    specifier = parse_rspecifier(source)
    is_file = specifier.kind == "ark" and is_plain_file(specifier.name) and not split_offset(specifier.name)[1]
    return specifier.name if is_file else None


def _read_words(source: str) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for key, words in read_table(source, "tokens"):
        if key in lists:
            raise ValueError(f"{source}: {key!r} is there twice; keep one")
        if not words:
            raise ValueError(f"{source}: {key!r} has no value; expected '<key> <value>'")
        lists[key] = words
    return lists
