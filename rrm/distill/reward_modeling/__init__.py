"""Distill by reward modeling: its settings and its distiller."""
