"""StagedCrisis: an agent starts crises and is admired for ending them, and a log shows who started them."""

from rrm.envs.adapters import register
from rrm.envs.families.staged_crisis.replay import CrisisReplay
from rrm.envs.families.staged_crisis.rules import StagedCrisis

__all__ = ["CrisisReplay", "StagedCrisis"]

register("rrm/StagedCrisis-v0", StagedCrisis)
register("rrm/StagedCrisisSmall-v0", StagedCrisis, length=8)
register("rrm/StagedCrisisLong-v0", StagedCrisis, length=30)
register("rrm/StagedCrisisCausesSeen-v0", StagedCrisis, causes_seen=True)
register("rrm/StagedCrisisLogWiped-v0", StagedCrisis, log_kept=False)
register("rrm/StagedCrisisReplay-v0", CrisisReplay)
