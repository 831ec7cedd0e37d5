"""PrIMuS and Camera-PrIMuS: reading, checking, indexing, splitting and writing."""
