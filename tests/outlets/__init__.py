"""The outlets of a report."""
