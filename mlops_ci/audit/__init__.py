"""The audit trail: what was promoted, whether Git and the stores still say so, and a model card (pure)."""
