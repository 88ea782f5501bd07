"""Distillation: training an agent on an overseer's feedback."""
