"""How anything that a person reads is written: numbers, Markdown, templates."""
