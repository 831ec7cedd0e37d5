"""Scores as a judge reads them: the notes of every part, bar by bar, and what is wrong with a reading."""
