"""Names and texts that try to be something else, through a whole run and in evidence from a fork."""
