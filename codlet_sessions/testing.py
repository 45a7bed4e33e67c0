"""A proof for any store."""
