"""Tests of the checks of `mlops-ci doctor`."""
