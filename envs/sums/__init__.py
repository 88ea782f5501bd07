"""Sums as trees of questions: each question has two sub-questions, and its answer is the sum of theirs, modulo m.

    kinds = Kinds.draw_values(16, np.random.default_rng(0))   # 16 replicas at once
    sums = kinds.draw(np.random.default_rng(1))               # a question of 16 entries for each
    sums.truth()                                              # (16, 31) the true answer at each node

*Ledger*: one fixed tree, in which each leaf holds a number. *Kinds*: a question is a list of entries; each entry is of
a kind, and each kind has a number. H knows the numbers, and a model has to learn them.

A question is answered from its sub-questions, so that an answer can be unfolded into a tree, node by node
(``find_wrong``), and what a perfect and a random choice of the nodes cost is known (``calls_of_perfect_choice``, …).
"""

from rrm.envs.sums.closed_forms import calls_of_perfect_choice, calls_of_random_choice, calls_of_whole_tree
from rrm.envs.sums.opening import expected_scan, find_wrong, nearest_wrong
from rrm.envs.sums.questions import Kinds, Ledger, Sums
from rrm.envs.sums.trees import Level, Trees, balanced_trees, random_trees

__all__ = [
    "Kinds",
    "Ledger",
    "Level",
    "Sums",
    "Trees",
    "balanced_trees",
    "calls_of_perfect_choice",
    "calls_of_random_choice",
    "calls_of_whole_tree",
    "expected_scan",
    "find_wrong",
    "nearest_wrong",
    "random_trees",
]
