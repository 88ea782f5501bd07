"""Amplification: makes an overseer of an evaluator and earlier agents that help it."""
