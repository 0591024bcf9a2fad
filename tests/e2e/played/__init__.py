"""Whole workflows of mlops-ci, called by another repository and played by the runner act."""
