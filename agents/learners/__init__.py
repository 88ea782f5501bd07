"""The learners, one file for each algorithm."""
