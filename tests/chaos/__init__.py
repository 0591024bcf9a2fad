"""Runs of random pipelines under random attacks: what was computed stays, and nothing false is claimed."""
