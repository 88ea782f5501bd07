"""What every test runs under: one torch thread a process, no display, and in CI the same examples every time."""

import os
import sys

from hypothesis import HealthCheck, settings

# With two threads PPO is many times slower as soon as anything else runs, and pytest-xdist sees to it that something
# does. Its workers, and what the tests start, inherit the variables.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
if "torch" in sys.modules:  # a plugin was faster; torch reads the variable only once
    sys.modules["torch"].set_num_threads(1)

# No deadlines: how long an example takes says more about the machine than about the code.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if "CI" in os.environ else "local")
