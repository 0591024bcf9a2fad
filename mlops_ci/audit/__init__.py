"""The audit trail: what was promoted, whether Git and the stores still say the same, and a card of it (pure)."""
