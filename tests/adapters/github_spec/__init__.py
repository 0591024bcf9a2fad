"""GitHub's own description of the operations that the client uses, pruned; see README.md."""
