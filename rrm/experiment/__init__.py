"""Experiments: planning the rounds, running them, and collecting their results."""
