"""The command line's own words: parameters that a sentence names in Python's way, as options."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from deepnic.errors import DeepnicError, as_word

VALUE = r"""(?:'[^']*'|"[^"]*"|[+-]?\w[\w.+-]*(?<!\.))"""
QUOTES = "'\""

_options: ContextVar[Mapping[str, str] | None] = ContextVar("_options", default=None)


@contextmanager
def of_command(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Say sentences within the block by these options, of each parameter its name on the line.

    The sentences of errors are, too.
    """
    token = _options.set(parameters)
    try:
        yield
    except DeepnicError as error:
        error.args = (in_own_words(str(error)), *error.args[1:])
        raise
    finally:
        _options.reset(token)


def in_own_words(sentence: str) -> str:
    """Name options as the command that runs has them.

    ``positive='ill'`` becomes ``--positive ill``. A name that is a word as well is one of a
    parameter where ``=`` follows, or where the sentence begins with it.

    Examples
    --------
    >>> with of_command({"positive": "--positive", "n_trees": "--n-trees", "k": "--k"}):
    ...     in_own_words("k is 0, of n_trees few; say positive='not ill', or positive= the other")
    "--k is 0, of --n-trees few; say --positive 'not ill', or --positive the other"
    """
    options = _options.get()
    if not options:
        return sentence
    names = "|".join(map(re.escape, options))
    compound = "|".join(name for name in options if "_" in name) or "(?!)"
    pattern = re.compile(
        rf"(?<![\w./-])(?P<given>{names})=(?:(?P<value>{VALUE})|(?P<several>(?=[\[({{])))?"
        rf"|(?<![\w./-])(?P<compound>{compound})(?![\w=/-])"
        rf"|(?:^|(?<=; ))(?P<first>{names})(?= (?:is|must|takes)\b)"
    )

    def option(found: re.Match[str]) -> str:
        name = options[found["given"] or found["compound"] or found["first"]]
        if found["several"] is not None:
            return f"{name} "
        if found["value"] in (None, "True"):
            return name
        value = found["value"]
        return f"{name} {as_word(value[1:-1] if value[0] in QUOTES else value)}"

    return pattern.sub(option, sentence)
