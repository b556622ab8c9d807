"""What a section of a page is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Section:
    """A part of a page: figures, tables and numbers, for the words of its template.

    Attributes
    ----------
    name : str
        Its anchor, and its template ``templates/sections/<name>.html.jinja``.
    title : str
        Its heading; "" for none.
    content : mapping
        What the template shows, by name: `Display`, `Table`, words and numbers.
    """

    name: str
    title: str
    content: Mapping[str, Any] = field(default_factory=dict)
