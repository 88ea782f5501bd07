"""Imitation: an agent is fitted to what a demonstrator does. It is beside reward modeling, in the same loop."""
