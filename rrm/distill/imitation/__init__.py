"""Distill by imitation: an agent is fitted to the actions of a demonstrator."""
