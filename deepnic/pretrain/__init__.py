"""A network for patients of any cohort, trained on others: simulated ones and real ones."""

from deepnic.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
