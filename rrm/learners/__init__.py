"""What the configuration says of this package's learners: one file an algorithm. Their code is in ``rrm.agents``."""
