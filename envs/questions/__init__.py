"""Questions whose evaluator decomposes them: iterated amplification as it was first described.

>>> import numpy as np
>>> from rrm.envs import make_world
>>> from rrm.envs.questions import amplify
>>> world = make_world("rrm/Powers-v0", 50)  # 50 contexts
>>> rng = np.random.default_rng(0)
>>> world.reset(np.arange(50), rng)
>>> questions = world.ask(rng, 20)  # 20 questions about each
>>> answers = amplify(world, questions, world.truth).answers  # H asks somebody who is always right
>>> bool((answers == world.truth(questions)).all())
True
"""

from rrm.envs.questions.hch import Transcript, amplify, hch, hch_by_depth
from rrm.envs.questions.world import Questions

__all__ = ["Questions", "Transcript", "amplify", "hch", "hch_by_depth"]
