"""Tables of what the code declares once, written when the pages are built: a directive each.

``stored-variables`` and ``kinds`` are of `deepnic.variables`, ``columns`` of `deepnic.columns`,
``rooms`` and ``names`` of the stub of the package, ``commands`` of the command line.
"""

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from docutils import nodes
from docutils.statemachine import StringList
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import deepnic
from deepnic.cli import app as command_line
from deepnic.cli.app import _names
from deepnic.columns import COLUMNS
from deepnic.variables import KINDS, MADE_BY

STUB = ast.parse(Path(deepnic.__file__).with_suffix(".pyi").read_text())


def stored_variables() -> Iterator[str]:
    """Write, kind by kind, the variables that a Dataset of deepnic holds."""
    for kind, declared in KINDS.items():
        yield from ("", f"## {kind.capitalize()}", "", f"Made by `{MADE_BY[kind]}`.", "")
        yield from row("variable", "dimensions", "dtype", "units", "meaning")
        yield from row(*["---"] * 5)
        for name, variable in declared.items():
            meaning = variable.meaning + " May be absent." * variable.optional
            dims = ", ".join(variable.dims)
            yield from row(f"`{name}`", dims, variable.dtype, variable.units, meaning)


def columns() -> Iterator[str]:
    """Write every column of the tables that people read; ``table.name`` where tables differ."""
    yield from row("column", "dtype", "meaning")
    yield from row(*["---"] * 3)
    for name, column in COLUMNS.items():
        yield from row(f"`{name}`", column.dtype, column.meaning)


def rooms() -> Iterator[str]:
    """Write the rooms of the package, and the first sentence of each."""
    yield from row("room", "what is in it")
    yield from row(*["---"] * 2)
    for node in STUB.body:
        if isinstance(node, ast.ImportFrom) and node.module is None:
            for alias in node.names:
                text = importlib.import_module(f"deepnic.{alias.name}").__doc__ or ""
                yield from row(f"`deepnic.{alias.name}`", text.partition("\n\n")[0])


def commands() -> Iterator[str]:
    """Write the commands, their arguments and options, as their help says them."""
    group = typer.main.get_command(command_line)
    yield from of_command("deepnic", group)


def of_command(name: str, command: Any) -> Iterator[str]:
    """Write one command, and those under it."""
    shown = [one for one in command.params if one.name != "help"]
    yield from ("", f"## {name}", "", *(command.help or "").splitlines(), "")
    if shown:
        yield from row("option", "meaning", "default")
        yield from row(*["---"] * 3)
    for one in shown:
        names = one.opts + one.secondary_opts
        words = f"`{one.name}`" if one.param_type_name == "argument" else ", ".join(
            f"`{name}`" for name in names)  # fmt: skip
        default = one.default
        if default is None or default is False or default == () or callable(default):
            default = ""
        yield from row(words, named(getattr(one, "help", None) or ""), str(default))
    if hasattr(command, "commands"):
        for under, further in command.commands.items():
            yield from of_command(f"{name} {under}", further)


def named(text: str) -> str:
    """Put the names of a registry where its place stands, as the help does."""
    return re.sub(r"{(.+?)}", _names, text)


def row(*cells: str) -> Iterator[str]:
    """Write a row of a table in Markdown."""
    yield "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def directive(write: Callable[[], Iterator[str]]) -> type[SphinxDirective]:
    """Make the directive that puts these lines of Markdown in its place."""

    class Declared(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            for module in (deepnic.variables, deepnic.columns):
                self.env.note_dependency(module.__file__)
            part = nodes.section()
            part.document = self.state.document
            self.state.nested_parse(StringList([*write()], source=write.__name__), 0, part, True)
            return part.children

    return Declared


def without_signature(
    app: Sphinx, what: str, name: str, thing: object, options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """Leave out the signature of settings: it only repeats the fields below it."""
    return ("", "") if isinstance(thing, type) and issubclass(thing, BaseModel) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    for write in (stored_variables, columns, rooms, commands):
        app.add_directive(write.__name__.replace("_", "-"), directive(write))
    app.connect("autodoc-process-signature", without_signature)
    return {"parallel_read_safe": True}
