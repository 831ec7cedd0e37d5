"""What the music says: records, grammars and formats. No numpy, no torch."""
