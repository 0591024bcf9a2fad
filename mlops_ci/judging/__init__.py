"""What the metric gate says of one metric: limits, statuses, sentences."""
