"""Neural networks that do symbolic mathematics, in JAX."""
