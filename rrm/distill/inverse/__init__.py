"""Inverse reinforcement learning: which reward explains what is demonstrated, in worlds that are tables."""
