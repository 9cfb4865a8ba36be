"""Reads bash: the variables that `declare -p` prints, a recipe's stages, and the paths that its words may stand for.

Nothing is run or evaluated. What cannot be told from the text alone (a substitution, a positional parameter) is a `*`.
"""

import glob
import re
from collections.abc import Iterable
from itertools import product

_DOUBLE = r'"(?:[^"\\]|\\.)*"'
_ANSI = r"\$'(?:[^'\\]|\\.)*'"
_ARRAY = rf"\((?:[^\"'$)\\]|{_DOUBLE}|{_ANSI}|\\.|\$)*\)"
_DECLARED = re.compile(rf"^declare -\S+ (\w+)(?:=({_DOUBLE}|{_ANSI}|{_ARRAY}|[^\n]*))?$", re.MULTILINE | re.DOTALL)
_ELEMENT = re.compile(rf"\[(?:[^\]\"]|{_DOUBLE})*\]=({_DOUBLE}|{_ANSI})", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "E": "\033", "e": "\033"}
_STAGE = re.compile(r"^(\s*)if\s+stage\s+(\d+)\s+[\"'](.*)[\"']\s*;")
_FUNCTION = re.compile(r"^(\S+) \(\)[ ]?\n\{[ ]?\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"\$\{?[#!]?([A-Za-z_]\w*)")
_LOOP = re.compile(r"\bfor\s+(\w+)\s+in\s+([^;\n]+)")
_VALUE = rf"(\([^()]*\)|(?:{_DOUBLE}|'[^']*'|\$\([^()]*\)|[^\s;()\"'])*)"
# Assignments at the head of a command, one or several.
_ASSIGNING = re.compile(
    rf"(?:^|[;{{(]|&&|\|\||\bthen\b|\bdo\b|\belse\b|\blocal\b)\s*((?:[A-Za-z_]\w*\+?={_VALUE}[ \t]*)+)", re.MULTILINE
)
_ASSIGNED = re.compile(rf"([A-Za-z_]\w*)\+?={_VALUE}")
_READ = re.compile(r"\b(?:read|mapfile|readarray)\s([^<|;\n]*)|\blocal\s([^\n;]*)|\bprintf\s+-v\s+(\w+)")
# Kaldi's job arrays: JOB=1:4, SEED="$first:$last".
_ARRAY_NAME = re.compile(r"(?:^|\s)([A-Z][A-Z_]*)=[^\s=/]*:")
_WORD = re.compile(r"(?:\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|[^\s;|&()<>`])+")
_EXPANSION = re.compile(r"\$\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}|\$([A-Za-z_]\w*)|\$[0-9@*#?!$-]?")
_BRACES = re.compile(r"(?<!\$)\{([^{}]*,[^{}]*)\}")
_MOST = 500  # alternatives of one word; more are a *
_NOT_READ = re.compile(r"^\s*# does not read: (.*)$", re.MULTILINE)
# By contract a recipe's files depend neither on how many jobs there are nor on the scheduler.
_HOW_NOT_WHAT = ("--nj", "--cmd", "--max-jobs-run", "--num-nodes", "--gpus-per-node")

Values = dict[str, list[str]]


def read_variables(dump: str) -> Values:
    """The variables that `declare -p` printed: one value each, or an array's elements; unset ones are left out."""
    variables: Values = {}
    for match in _DECLARED.finditer(dump):
        name, value = match[1], match[2]
        if value is None:
            continue
        if value.startswith("("):
            variables[name] = [_unquoted(element) for element in _ELEMENT.findall(value)]
        else:
            variables[name] = [_unquoted(value)]
    return variables


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        return re.sub(r"\\([$`\"\\\n])", r"\1", text[1:-1])
    if text.startswith("$'"):
        text = re.sub(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))", _ansi, text[2:-1], flags=re.DOTALL)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return text


def _ansi(match: re.Match[str]) -> str:
    if match[3]:
        return _ESCAPES.get(match[3], match[3])
    byte = int(match[1], 8) if match[1] else int(match[2], 16)
    return chr(byte) if byte < 128 else chr(0xDC00 + byte)  # in the C locale a letter is several of them


def read_functions(dump: str) -> dict[str, str]:
    """The bodies of the functions that `declare -f` printed."""
    return {match[1]: match[2] for match in _FUNCTION.finditer(dump)}


def read_stages(text: str) -> dict[int, tuple[str, str]]:
    """The stages of a recipe, `if stage N "Title"; then ... fi`: title and text by number, without whole-line comments.

    A comment `# does not read: ...` stays: it names what a stage leaves alone in the folders that it names.
    """
    stages: dict[int, tuple[str, str]] = {}
    number, end = None, ""
    for line in text.splitlines():
        if match := _STAGE.match(line):
            number, end = int(match[2]), match[1] + "fi"
            stages[number] = (match[3], "")
            line = line[match.end() :]
        if number is None or (line.lstrip().startswith("#") and not _NOT_READ.match(line)):
            continue
        title, body = stages[number]
        stages[number] = (title, body + line + "\n")
        if re.match(rf"{end}\b", line):
            number = None
    return stages


def with_functions(text: str, functions: dict[str, str]) -> str:
    """A text with the bodies of the functions behind it that it calls, and of those that they call."""
    used: list[str] = []
    pending = [text]
    while pending:
        words = set(re.findall(r"[\w.:-]+", pending.pop()))
        for name in sorted(words & functions.keys()):
            if name not in used:
                used.append(name)
                pending.append(functions[name])
    return text + "".join(f"{name}() {{\n{functions[name]}}}\n" for name in used)


class StageText:
    """The text of a stage with the functions that it calls, beside the variables' values before it began.

    Attributes:
        text: that text.
        names: the variables that it names and does not set itself.
    """

    def __init__(self, text: str, variables: Values) -> None:
        self.text = text
        self._plain = _without_quotes(text)
        self._variables = variables
        self._own = self._own_values()
        self._arrays = set(_ARRAY_NAME.findall(self._plain)) | {"JOB"}
        self.names = {name for name in _NAME.findall(text) if name in variables and name not in self._own}
        self.names |= {name for name in _bare_in_arithmetic(text) if name in variables and name not in self._own}

    def _own_values(self) -> dict[str, list[str]]:
        """What the text itself gives its variables: the words of a loop or an assignment, nothing for the others."""
        own: dict[str, list[str]] = {}
        for match in _READ.finditer(self._plain):
            for name in re.findall(r"[A-Za-z_]\w*", re.sub(r"=\S*", "", match[1] or match[2] or match[3] or "")):
                own.setdefault(name, []).append("*")
        for match in _LOOP.finditer(self._plain):
            own.setdefault(match[1], []).extend(_WORD.findall(match[2]))
        for assigning in _ASSIGNING.finditer(re.sub(r"\\\n", " ", self.text)):
            for match in _ASSIGNED.finditer(assigning[1]):
                value = _without_quotes(match[2])
                own.setdefault(match[1], []).extend(_WORD.findall(value[1:-1]) if value.startswith("(") else [value])
        return own

    def options(self, ignored: Iterable[str]) -> dict[str, str]:
        """The values of the variables that the text names, without those ignored and without numbers of jobs."""
        return {name: " ".join(_what(self._variables[name])) for name in sorted(self.names - set(ignored))}

    def patterns(self) -> list[str]:
        """The paths that the text's words may stand for, as patterns for glob; most of them stand for nothing."""
        return self._patterns_of(_without_quotes(_NOT_READ.sub("", self.text)))

    def not_read(self) -> list[str]:
        """The patterns of its comments `# does not read: ...`."""
        return self._patterns_of(_without_quotes(" ".join(_NOT_READ.findall(self.text))))

    def _patterns_of(self, plain: str) -> list[str]:
        found: set[str] = set()
        for word in {*_WORD.findall(plain), *_words_in_expansions(plain)}:
            if not re.search(r"[/$]", word) and not re.fullmatch(r"[\w.-]+", word):
                continue
            for one in self._alternatives(word, ()):
                found |= {one, *re.split(r"[=:,]", one)}
        return sorted(path for path in found if _may_be_a_path(path))

    def _alternatives(self, word: str, inside: tuple[str, ...]) -> list[str]:
        """What a word may become; wildcards of the text stay, those in values are escaped."""
        if match := _BRACES.search(word):
            parts = [word[: match.start()] + part + word[match.end() :] for part in match[1].split(",")]
            return [one for part in parts for one in self._alternatives(part, inside)][:_MOST]
        pieces: list[list[str]] = []
        end = 0
        for match in _EXPANSION.finditer(word):
            pieces += [[self._without_array_names(word[end : match.start()])]]
            pieces += [self._expanded(match[1] or match[2] or "", inside)]
            end = match.end()
        pieces += [[self._without_array_names(word[end:])]]
        count = 1
        for piece in pieces:
            count *= len(piece)
        if count > _MOST:
            pieces = [piece if len(piece) == 1 else ["*"] for piece in pieces]
        return ["".join(parts) for parts in product(*pieces)]

    def _without_array_names(self, text: str) -> str:
        for name in self._arrays:
            text = text.replace(name, "*")
        return text

    def _expanded(self, expression: str, inside: tuple[str, ...]) -> list[str]:
        match = re.match(r"([A-Za-z_]\w*)(\[[@*]\])?(.*)", expression, re.DOTALL)
        if match is None or match[1] in inside:
            return ["*"]
        name, _, operation = match.groups()
        if name in self._own:
            values = [one for word in self._own[name] for one in self._alternatives(word, (*inside, name))]
        elif name in self._variables:
            values = [glob.escape(part) for value in self._variables[name] for part in ([value, *value.split()])]
        else:
            values = []
        values = list(dict.fromkeys(values))
        default = re.match(r":?([-+])(.*)", operation, re.DOTALL)
        if default:
            others = ["*"] if "(" in default[2] else self._alternatives(default[2], (*inside, name))
            if default[1] == "+":
                return [*others, ""]
            return list(dict.fromkeys([*(value for value in values if value), *others]))
        if operation or not values:
            return ["*"]
        return values[:_MOST]


def _what(values: list[str]) -> list[str]:
    """Options without those that say how, and not what, is to be done."""
    return [value for i, value in enumerate(values) if not {value, values[i - 1] if i else ""} & {*_HOW_NOT_WHAT}]


def _without_quotes(text: str) -> str:
    plain = re.sub(r"[\"'\\]", "", re.sub(r"\\\n", " ", text).replace("$(", "*("))
    return plain.replace(")/", ")*/")  # what follows a substitution is no path from the root


def _bare_in_arithmetic(text: str) -> set[str]:
    inside = " ".join(re.findall(r"\(\((.*?)\)\)", text))
    return set(re.findall(r"[A-Za-z_]\w*", inside))


def _words_in_expansions(plain: str) -> list[str]:
    """The words of ${x:-...} and the like: what is substituted there names files, too."""
    inside = [match[1] for match in _EXPANSION.finditer(plain) if match[1] and re.search(r"[^\w@*\[\]]", match[1])]
    return [word for text in inside for word in _WORD.findall(text.replace("{", " ").replace("}", " "))]


def _may_be_a_path(path: str) -> bool:
    first = path.lstrip("/").partition("/")[0]
    if not first or re.match(r"-|[\d.]+$", path) or re.search(r"[*?\s$]", first) or len(path) > 4000:
        return False
    # Without a folder these are words of the shell, such as `local`.
    return "/" in path or path not in ("local", "steps", "utils", "conf", "test")
