"""Rounds: what a round depends on, its budgets, and its files."""
