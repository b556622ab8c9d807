"""Settings of all tests."""

import os

from hypothesis import settings

# a busy machine is no defect; and a run that decides something must be repeatable
settings.register_profile("deepnic", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("deepnic")
