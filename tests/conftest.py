"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Two busy cores make single examples slow now and then; that is no fault of the code.
settings.register_profile("devstack", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("DEVSTACK_HYPOTHESIS", "devstack"))
