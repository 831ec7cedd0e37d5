"""Degradation of staff images to what scanners and cameras produce."""
