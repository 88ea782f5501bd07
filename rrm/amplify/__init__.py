"""Amplification: what makes of an evaluator, with the help of earlier agents, an overseer."""
