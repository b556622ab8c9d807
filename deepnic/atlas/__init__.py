"""The atlas: pages of all genes of a forest, that open without a server."""

from deepnic.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
