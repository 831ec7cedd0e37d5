"""Engraving of scores as staff images with the position of every symbol, stored in shards."""
