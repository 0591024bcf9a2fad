"""The example project: who is employed? Seven small stages, from census rows to a measured model."""
