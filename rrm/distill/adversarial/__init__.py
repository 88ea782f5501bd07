"""Adversarial imitation: a learner whose reward comes from a discriminator of its own steps and demonstrated ones."""
