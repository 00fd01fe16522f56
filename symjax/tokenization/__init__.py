"""Expressions, numbers and tree positions as tokens and ids.  No JAX."""
