"""The application: exit codes, and errors as one sentence."""

import logging
import os
import pkgutil
import re
import resource
import select
import sys
import traceback
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from deepnic import __version__
from deepnic.cli.interrupts import INTERRUPTED, KEPT, ends_in_time, tell
from deepnic.cli.words import of_command
from deepnic.errors import ROOT, DeepnicError, EngineError, InputError, chain, own_steps
from deepnic.extras import explain
from deepnic.files import SHARE

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console(markup=False, highlight=False, emoji=False)  # names are what they are
EVERYWHERE = ("--debug", "--share", "--quiet")  # words that `main` takes, wherever they stand
PROGRESS = "deepnic.progress"  # logger of lines and bars of progress, see `deepnic.compute`
ASKED = {"-h", "--help", "--version"}  # what is answered at once
LEAST_ADDRESSES = 4 * 10**9  # bytes; with fewer some of the libraries hang or die as they load
LACKS_MEMORY = re.compile(
    "can't start new thread|failed to map segment|can(not|'t) allocate memory", re.IGNORECASE
)


class Command(TyperCommand):
    """A command whose help names the rows of a registry, and whose errors name its options.

    A registry is imported when help is shown: ``{deepnic.rop.draws:DESIGNS}`` in the help of an
    option becomes ``balanced or stratified``. Who writes TOML reads the names of its keys.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and say what is wrong in its words."""
        files = (str(ctx.params.get(name)) for name in ("config", "source"))
        configured = any(file.endswith(".toml") for file in files)
        options = {
            one.name: max(one.opts, key=len)
            for one in self.params
            if one.param_type_name == "option" and one.name and not configured
        }
        with of_command(options):
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the names that are there now."""
        shown = copy(self)
        shown.params = [copy(parameter) for parameter in self.params]
        for parameter in shown.params:
            parameter.help = re.sub(r"{(.+?)}", _names, parameter.help or "")  # type: ignore[attr-defined]
        TyperCommand.format_help(shown, ctx, formatter)


def _tell_version(asked: bool) -> None:
    if asked:
        console.print(f"deepnic {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell of what goes wrong alone.")] = False,
    share: Annotated[
        bool, typer.Option("--share", help="Have others read what is written, by the umask.")
    ] = False,
) -> None:
    """One gene, one image: ROP-images, filtered, assembled and compared by deep learning.

    --debug, --quiet and --share stand anywhere in a command.
    """


def _names(registry: re.Match[str]) -> str:
    *others, last = pkgutil.resolve_name(registry[1])
    return f"{', '.join(others)} or {last}"


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 0, 1 (failed), 2 (bad use), 130 (Ctrl-C); --debug to see why.

    What is written and started is its owner's alone, unless --share.

    Parameters
    ----------
    words : sequence of str, optional
        Command and options; those of the shell unless given.
    """
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words
    _prepare(words, debug)
    try:
        if not ASKED & {*words}:
            _check_limits()
        with ends_in_time():
            app([word for word in words if word not in EVERYWHERE], prog_name="deepnic")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            if _is_unread(end):
                sys.exit(0)
            _fail(_unforeseen(end.__context__), 1)
        if end.code == INTERRUPTED:
            tell()
        raise
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError):
            error = explain(error) or error
        if isinstance(error, DeepnicError):
            _fail(str(error), 2 if isinstance(error, InputError) else 1)
        _fail(_unforeseen(error), 1)


def _prepare(words: Sequence[str], debug: bool) -> None:
    """Say who may read what is written, and what is told on the way."""
    if "--share" in words:
        os.environ[SHARE] = "1"
    elif SHARE not in os.environ:
        os.umask(0o077)
    console.quiet = "--quiet" in words
    ours = logging.getLogger("deepnic")
    ours.handlers[:] = [logging.StreamHandler()]
    ours.setLevel(logging.WARNING if console.quiet else logging.INFO)
    logging.getLogger(PROGRESS).disabled = console.quiet
    if not debug:  # the traceback of a task of Zarr's, of which another has told already
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _check_limits() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESSES:
        raise EngineError(
            f"a process may have {limit / 1e9:.1f} GB of address space here, and deepnic's "
            f"libraries take {LEAST_ADDRESSES / 1e9:.0f}; raise the limit (`ulimit -v unlimited`)"
        )


def _unforeseen(error: BaseException) -> str:
    """Type and place of an error, or what the system refuses: other messages may name patients."""
    if _lacks_memory(error):
        return (
            f"the memory does not suffice; ask for less at once, or take a larger machine; {KEPT}"
        )
    if isinstance(error, OSError) and error.strerror:
        file = f" at {error.filename}" if error.filename else ""
        return f"{error.strerror}{file}; mend that, {KEPT}"
    places = [
        f"{Path(frame.filename).relative_to(ROOT.parent)}:{frame.lineno}"
        for frame in own_steps(error)
    ]
    place = f" in {places[-1]}" if places else ""
    return f"{type(error).__name__}{place}; run again with --debug for its message and traceback"


def _lacks_memory(error: BaseException) -> bool:
    """Tell whether an error, or what led to it, is of the memory or of addresses."""
    return any(
        isinstance(one, MemoryError) or LACKS_MEMORY.search(str(one)) for one in chain(error)
    )


def _is_unread(end: SystemExit) -> bool:
    """Tell whether a broken pipe is stdout, of which `| head` has read enough: Click or Rich ended.

    Rich has put /dev/null in the place of stdout then.
    """
    if traceback.extract_tb(end.__traceback__)[-1].name == "on_broken_pipe":
        return True
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):  # no file
        return False


def _fail(sentence: str, code: int) -> None:
    one_line = " ".join(sentence.split())
    Console(stderr=True, soft_wrap=True).print(f"error: {one_line}", markup=False, highlight=False)
    sys.exit(code)
