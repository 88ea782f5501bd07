"""The learners: one file an algorithm."""
