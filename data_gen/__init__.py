"""Generation of data sets: `python -m data_gen`."""
