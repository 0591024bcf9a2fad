"""The card of a release, out of the records, and the evidence where it is here."""
