"""Distill by reward modeling: what the configuration says of it, and how it is done."""
