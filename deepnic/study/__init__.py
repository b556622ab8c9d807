"""The comparison: five assemblies and the baselines, on the same folds."""

from deepnic.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
