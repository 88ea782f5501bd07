"""Tests of the worlds and of their Gymnasium forms."""
