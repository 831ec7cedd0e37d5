"""Manual corrections: edits of the symbols of a staff, and their consequences in its part."""
