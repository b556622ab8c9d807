"""What a section of a page is."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Section(NamedTuple):
    """A part of a page, for the words of its template ``templates/sections/<name>.html.jinja``.

    A section without a title has no heading; its name is its anchor. The content is what the
    template shows, by name: `Display`, `Table`, words and numbers.
    """

    name: str
    title: str
    content: Mapping[str, Any]
