"""What users bring along: a network or a classifier of their own, named as module:function."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from deepnic.errors import InputError


def imported(name: str, what: str) -> Callable[..., Any]:
    """Import a function by its name, from the current folder too; ``what`` says what it makes.

    Examples
    --------
    >>> imported("math:sqrt", "root")(9.0)
    3.0
    >>> imported("math:root", "root")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: the root math:root cannot be imported (module 'math' has no ...
    """
    module, _, function = name.partition(":")
    if os.getcwd() not in sys.path:  # a command's path lacks the folder it runs in
        sys.path.append(os.getcwd())
    try:
        found: Callable[..., Any] = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"the {what} {name} cannot be imported ({error}); give module:function, with the "
            "module installed or in the current folder"
        ) from error
    return found
