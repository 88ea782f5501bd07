"""Supervised answers: a fast answerer is trained on what a human answers with its help (iterated amplification)."""
