"""The one exception for a user's mistake."""


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
