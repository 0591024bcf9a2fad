"""Promotion as data: records, the plan, the proposals (pure)."""
