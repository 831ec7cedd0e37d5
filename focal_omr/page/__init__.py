"""Whole pages: what lies where on them, before anything is read."""
