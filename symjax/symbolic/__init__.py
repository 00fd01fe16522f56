"""Mathematics: expressions, exact series, fingerprints.  No neural network, no JAX."""
