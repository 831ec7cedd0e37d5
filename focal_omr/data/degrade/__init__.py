"""Plates and pictures become scans and photos."""
