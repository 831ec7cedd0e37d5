"""Scores become plates: engraved, with the place of every symbol, and kept in shards."""
