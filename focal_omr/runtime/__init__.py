"""Processes, locks, atomic files and provenance; nothing here knows music."""
