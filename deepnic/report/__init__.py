"""Views of what was found: the page, tables as Markdown and for the console, colours of images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
