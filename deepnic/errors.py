"""What deepnic raises: a sentence for a user's mistake, another for what the world refuses."""

import shlex
import traceback
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).parent  # of deepnic's own code


class DeepnicError(Exception):
    """What deepnic raises itself: one sentence, which the command line prints as it is."""


class InputError(DeepnicError, ValueError):
    """Input that breaks a rule: one sentence naming what, the rule and the remedy.

    The command line prints it without a traceback and exits with code 2.

    Examples
    --------
    >>> raise InputError("no such file: x.csv; check the path")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no such file: x.csv; check the path
    """


class EngineError(DeepnicError, RuntimeError):
    """What was asked is right, and what it runs on did not do it: a host is off, Slurm refuses.

    The command line prints it without a traceback and exits with code 1.

    Examples
    --------
    >>> raise EngineError("ws2 is not reached over ssh; is it on?")
    Traceback (most recent call last):
    ...
    deepnic.errors.EngineError: ws2 is not reached over ssh; is it on?
    """


def chain(error: BaseException | None) -> list[BaseException]:
    """An exception, and those that led to it."""
    led: list[BaseException] = []
    while error is not None and error not in led:
        led.append(error)
        error = error.__cause__ or error.__context__
    return led


def own_steps(error: BaseException) -> list[traceback.FrameSummary]:
    """Steps of an exception's traceback that are in deepnic's own code."""
    steps = traceback.extract_tb(error.__traceback__)
    return [step for step in steps if Path(step.filename).is_relative_to(ROOT)]


def as_word(value: object) -> str:
    """Write a path or a label as a word of a command that a sentence tells, to be copied.

    Examples
    --------
    >>> print("deepnic verify", as_word(Path("of 2026", "forest.zarr")))
    deepnic verify 'of 2026/forest.zarr'
    >>> print("--positive", as_word("Alzheimer's"))
    --positive "Alzheimer's"
    """
    word = str(value)
    if "'" in word and not set('"$`\\!') & set(word):
        return f'"{word}"'  # shlex would close and open its quotes about each apostrophe
    return shlex.quote(word)


def choose(what: str, name: object, known: Collection[str]) -> str:
    """Return the name if it is known; else an `InputError` tells those that are."""
    if not isinstance(name, str) or name not in known:
        raise InputError(f"unknown {what} {name!r}; choose from {', '.join(known)}")
    return name
