"""The audit trail: commits, records and manifests -> a timeline, and the proof of every link (pure)."""
