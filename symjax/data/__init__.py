"""Records on disk and batches for the device."""
