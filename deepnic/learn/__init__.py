"""Networks and baselines on canvases and tables: where torch and Ray are imported, when used."""

import os

from deepnic.extras import attach_stub

# Hospital data: Ray must not send usage statistics, whoever starts it. Set before ray is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
