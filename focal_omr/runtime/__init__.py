"""Processes, locks and atomic files; nothing in here knows music."""
