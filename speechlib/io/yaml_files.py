"""YAML's plain values, from files that may be hostile: no objects, no aliases that blow up, no name twice.

PyYAML's safe loader builds plain values only, but raises whatever comes to hand for values that do not fit their tags,
recurses without limit, and shares what an alias names: ten lines of lists of aliases stand for 10^10 values as soon as
somebody prints or writes them (the "billion laughs").
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

_DEEPEST = 50  # brackets within brackets
_MOST_ALIASED = 100_000  # values that a document may stand for, if it has aliases


def parse_yaml(text: str, path: str | os.PathLike, rename: Callable[[str], str] | None = None) -> Any:
    """Parse a document.

    Args:
        text: of the file.
        path: for messages.
        rename: makes names of those in mappings, which become texts then; None: names stay what they are.

    Returns:
        Numbers, texts, dates, None, lists and dicts.

    Raises:
        ValueError: bad YAML, a name given twice, or more values than memory should hold; with the file and, where it
            is known, the line.
    """
    import yaml  # only where a file is YAML

    class Loader(yaml.SafeLoader):
        """The safe loader, but a name given twice is an error instead of the last one winning."""

        def fetch_flow_collection_start(self, token_class):
            """Count the brackets that are open: the scanner looks through all of them at each token."""
            if self.flow_level >= _DEEPEST:
                raise _Refused(f"{path}:{self.line + 1}: not YAML of ours: more than {_DEEPEST} brackets in each other")
            super().fetch_flow_collection_start(token_class)

    def mapping(loader, node):
        values: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            key = rename(str(key)) if rename else key
            if key in values:
                raise _Refused(f"{path}:{key_node.start_mark.line + 1}: option {key} is given twice: remove one")
            values[key] = loader.construct_object(value_node, deep=True)
        return values

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    loader = None
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _count(node, {}) > _MOST_ALIASED:
            raise _Refused(f"{path}: its aliases (*name) stand for more than {_MOST_ALIASED} values: write them out")
        return loader.construct_document(node)
    except _Refused as error:
        raise ValueError(str(error)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise ValueError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise ValueError(f"{path}: not YAML of ours: lists within lists without end") from None
    except Exception as error:  # the constructors of `!!int ""`, 2001-99-99 or a list as a name have no common class
        raise ValueError(f"{path}: not YAML: a value does not fit its type: {error or type(error).__name__}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Refused(Exception):
    """What the parser of ours refuses; the message begins with the file."""


def _count(node: Any, counts: dict[int, int]) -> int:
    """Values that a node stands for, each alias counted anew; a node within itself stands for too many."""
    if id(node) in counts:
        return counts[id(node)]
    counts[id(node)] = _MOST_ALIASED + 1  # as long as it is not known: it is met within itself
    children = node.value if isinstance(node.value, list) else []
    total = 1
    for child in children:
        total += sum(_count(part, counts) for part in child) if isinstance(child, tuple) else _count(child, counts)
    counts[id(node)] = total
    return total
