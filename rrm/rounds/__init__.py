"""Rounds: what one depends on and may spend, and the files that it leaves."""
