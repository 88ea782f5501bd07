"""Rewards: the reward model, and the reward functions that are made from it."""
