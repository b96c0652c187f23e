"""Named cells of the literature."""
