"""Scores for synthetic data: excerpts of real tunes and composed music, enriched with rare symbols."""
