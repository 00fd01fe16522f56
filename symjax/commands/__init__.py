"""Commands of `symjax` that are more than a few lines; each module has `add(commands)`."""
