"""Two models on the same examples: scores recomputed, differences and floors with intervals."""
