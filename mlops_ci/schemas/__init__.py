"""What a table must look like: the schema file, checked over batches, and inferred from a table."""
