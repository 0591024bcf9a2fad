"""Measuring: the pipeline is run, read and compared; one Evidence document comes out (`measuring`)."""
