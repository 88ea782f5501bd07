"""The colours that all families share, so that pictures of different worlds can be read alike."""

from __future__ import annotations

PAPER, FLOOR, INK, WHITE = (214, 205, 190), (240, 234, 222), (33, 33, 33), (255, 255, 255)

AGENT, ASSISTANT, GLASS = (30, 136, 229), (142, 36, 170), (255, 179, 0)
"""Blue is who does the work, violet who helps to judge it, with a magnifying glass."""

TIME_LEFT, TIME_GONE = (235, 229, 217), (96, 125, 139)
