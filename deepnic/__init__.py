"""deepnic: one gene, one image.

cohort -> forest -> images -> pixels -> canvases -> networks -> study -> report

Rooms and public names are those of ``__init__.pyi``. Each is loaded when first used, so that
``import deepnic`` is quick and compiles nothing.
"""

from deepnic.extras import attach_stub

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
