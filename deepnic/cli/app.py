"""The application: exit codes, and errors as one sentence."""

import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from deepnic.errors import DeepnicError, InputError

app = typer.Typer(
    help="One gene, one image: ROP-images, filtered, assembled and compared by deep learning. "
    "--debug shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()


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
    except DeepnicError as error:
        if debug:
            raise
        _fail(str(error), 2 if isinstance(error, InputError) else 1)
    except Exception as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error} (run again with --debug for the traceback)", 1)


def _fail(sentence: str, code: int) -> None:
    one_line = " ".join(sentence.split())
    Console(stderr=True, soft_wrap=True).print(f"error: {one_line}", markup=False, highlight=False)
    sys.exit(code)
