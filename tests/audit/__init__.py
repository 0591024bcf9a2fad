"""The audit trail: reading, the chain, the card."""
