"""Views of what was found: the page, tables as Markdown and for the console, colours of images."""

from deepnic.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
