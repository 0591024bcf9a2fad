"""A table as a small, mergeable profile: what drift tests and schemas need to know of it."""
