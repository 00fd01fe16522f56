"""Other systems' text files <-> data sets.  No JAX, no Grain, no SymPy."""
