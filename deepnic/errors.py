"""The one exception for a user's mistake, and its sentence for an unknown name."""

from collections.abc import Collection


class InputError(ValueError):
    """Input that breaks a rule: one sentence naming what, the rule and the remedy.

    The command line prints it without a traceback and exits with code 2.

    Examples
    --------
    >>> raise InputError("no such file: x.csv; check the path")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no such file: x.csv; check the path
    """


def choose(what: str, name: object, known: Collection[str]) -> str:
    """Return a name that is known.

    Raises
    ------
    InputError
        It is not; the sentence tells those that are.

    Examples
    --------
    >>> choose("path", "round", ["linear", "snail"])
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: unknown path 'round'; choose from linear, snail
    """
    if not isinstance(name, str) or name not in known:
        raise InputError(f"unknown {what} {name!r}; choose from {', '.join(known)}")
    return name
