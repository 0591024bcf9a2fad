"""The drift tests: one file, one test. Two profiles of a column in, a score out; packages may bring more."""
