"""The settings of this package's learners, one file for each algorithm. Their code is in ``rrm.agents``."""
