"""Turning a model into answers that are well formed by construction."""
