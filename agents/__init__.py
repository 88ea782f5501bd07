"""Who acts: the PPO learner, trained and scripted agents, and agents as assistants in evaluation worlds."""
