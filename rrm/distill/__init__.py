"""Ways to distill: an overseer's judgment, or its example, made into an agent."""
