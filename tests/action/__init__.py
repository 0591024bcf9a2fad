"""Tests of the steps of action/action.yml."""
