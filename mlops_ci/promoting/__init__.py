"""Promotion in the world: what Git, the forge and the store say goes in, pull requests come out."""
