"""Feedback: what is asked of evaluators, what they answer, and where the answers are stored."""
