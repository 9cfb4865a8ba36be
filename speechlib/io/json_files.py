"""JSON files that somebody else may have written, or half written."""

from __future__ import annotations

import json
import os
from typing import Any

from speechlib.io.text_files import read_text


def read_json(path: str | os.PathLike, mend: str) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        mend: what to do where it is none, for the message.

    Raises:
        ValueError: it is no JSON, or nested beyond reason; with file and line. OSError: it cannot be read.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{os.fspath(path)}:{error.lineno}: not JSON ({error.msg}); {mend}") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise ValueError(f"{os.fspath(path)}: not JSON of ours ({error}); {mend}") from None
