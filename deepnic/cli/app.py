"""The application: exit codes, and errors as one sentence."""

import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from deepnic.errors import DeepnicError, InputError
from deepnic.extras import explain
from deepnic.files import SHARE

app = typer.Typer(
    help="One gene, one image: ROP-images, filtered, assembled and compared by deep learning. "
    "--debug shows the traceback of an error; with --share what is written is not private.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()
ROOT = Path(__file__).parents[1]


class Command(TyperCommand):
    """A command whose help names the rows of a registry, which is imported when help is shown.

    ``{deepnic.rop.draws:DESIGNS}`` in the help of an option becomes ``balanced or stratified``.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the names that are there now."""
        shown = copy(self)
        shown.params = [copy(parameter) for parameter in self.params]
        for parameter in shown.params:
            parameter.help = re.sub(r"{(.+?)}", _names, parameter.help or "")  # type: ignore[attr-defined]
        TyperCommand.format_help(shown, ctx, formatter)


def _names(registry: re.Match[str]) -> str:
    *others, last = pkgutil.resolve_name(registry[1])
    return f"{', '.join(others)} or {last}"


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 0, 1 (failed) or 2 (bad use); traceback on --debug.

    What is written and started is its owner's alone, unless --share.

    Parameters
    ----------
    words : sequence of str, optional
        Command and options; those of the shell unless given.
    """
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words
    if "--share" in words:
        os.environ[SHARE] = "1"
    elif SHARE not in os.environ:
        os.umask(0o077)
    arguments = [word for word in words if word not in ("--debug", "--share")]
    try:
        app(arguments, prog_name="deepnic")
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError):
            error = explain(error) or error
        if isinstance(error, DeepnicError):
            _fail(str(error), 2 if isinstance(error, InputError) else 1)
        _fail(_unforeseen(error), 1)


def _unforeseen(error: BaseException) -> str:
    """Type and place of an error, or what the system refuses: other messages may name patients."""
    kept = "what is written is kept: run the same command again and it goes on"
    if isinstance(error, MemoryError):
        return (
            f"the memory does not suffice; ask for less at once, or take a larger machine; {kept}"
        )
    if isinstance(error, OSError) and error.strerror:
        file = f" at {error.filename}" if error.filename else ""
        return f"{error.strerror}{file}; mend that, {kept}"
    places = [
        f"{Path(frame.filename).relative_to(ROOT.parent)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT)
    ]
    place = f" in {places[-1]}" if places else ""
    return f"{type(error).__name__}{place}; run again with --debug for its message and traceback"


def _fail(sentence: str, code: int) -> None:
    one_line = " ".join(sentence.split())
    Console(stderr=True, soft_wrap=True).print(f"error: {one_line}", markup=False, highlight=False)
    sys.exit(code)
