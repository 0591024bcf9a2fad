"""Benchmarks: each prints figures, and a ratio against a peer measured in the same run."""
