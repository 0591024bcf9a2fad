"""Waivers: what an owner writes, who is one, which finding it means, and whether it holds (pure)."""
