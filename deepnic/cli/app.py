"""The application: exit codes, and errors as one sentence."""

import pkgutil
import re
import sys
from collections.abc import Sequence
from copy import copy
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from deepnic.errors import DeepnicError, InputError
from deepnic.extras import explain

app = typer.Typer(
    help="One gene, one image: ROP-images, filtered, assembled and compared by deep learning. "
    "--debug shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()


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

    Parameters
    ----------
    words : sequence of str, optional
        Command and options; those of the shell unless given.
    """
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words
    arguments = [word for word in words if word != "--debug"]
    try:
        app(arguments, prog_name="deepnic")
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError):
            error = explain(error) or error
        if isinstance(error, DeepnicError):
            _fail(str(error), 2 if isinstance(error, InputError) else 1)
        _fail(f"{type(error).__name__}: {error} (run again with --debug for the traceback)", 1)


def _fail(sentence: str, code: int) -> None:
    one_line = " ".join(sentence.split())
    Console(stderr=True, soft_wrap=True).print(f"error: {one_line}", markup=False, highlight=False)
    sys.exit(code)
