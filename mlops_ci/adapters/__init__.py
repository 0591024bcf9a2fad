"""Adapters: one file, one thing outside this process."""
