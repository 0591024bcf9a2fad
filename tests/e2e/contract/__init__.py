"""What the report comment must pass, through either publisher."""
