"""A cluster in a notebook."""
