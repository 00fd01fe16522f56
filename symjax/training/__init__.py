"""Optimizer, sharding, update step, checkpoints, metric files."""
