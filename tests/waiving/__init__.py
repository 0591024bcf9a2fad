"""Tests of mlops_ci.waiving."""
