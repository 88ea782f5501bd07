"""Adversarial IDA: an adversary says which sub-questions are worth H's time.

E. Hubinger's proposal (2019), "A Concrete Proposal for Adversarial IDA", on sums (``rrm.envs.sums``). Each question is
answered by amplification, H with M: H decomposes it, some sub-questions are answered in the same way, M answers the
others, and H composes the answer. M is trained to give that answer at once. The adversary Adv predicts M's loss, and
so says where M is likely wrong. Every call of H is counted.

    kinds = Kinds.draw_values(16, np.random.default_rng(0))
    for step in train(kinds, KindsModel(16, 256, 10), Settings("bernoulli"), seed=0):
        step.calls                  # (16,) of H, so far

The proposal's exact losses are not in the sources that this was written from. They are reconstructed here:

* of M: −log M(Q)[X] at each visited question Q, where X is the answer that amplification found;
* of Adv: (Adv(Q, M(Q)) + that loss)², for the M that comes out of its step, so that Adv predicts minus the loss that is
  left. M's gradient does not flow through it.
"""

from rrm.distill.adversarial_ida.choice import CHOICES, Choice
from rrm.distill.adversarial_ida.episode import Beliefs, Moves, Unfolded, rehearse, unfold
from rrm.distill.adversarial_ida.kinds_model import KindsModel
from rrm.distill.adversarial_ida.ledger_models import LogitTable, Memory
from rrm.distill.adversarial_ida.moves import LearntMove
from rrm.distill.adversarial_ida.training import Learner, Settings, Step, train

__all__ = [
    "CHOICES",
    "Beliefs",
    "Choice",
    "KindsModel",
    "Learner",
    "LearntMove",
    "LogitTable",
    "Memory",
    "Moves",
    "Settings",
    "Step",
    "Unfolded",
    "rehearse",
    "train",
    "unfold",
]
