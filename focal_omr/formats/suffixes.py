"""Output formats and their file suffixes.

Separate from `registry`, so that the command line starts without importing the writers.
"""

SUFFIXES = {
    "musicxml": ".musicxml",
    "midi": ".mid",
    "mei": ".mei",
    "semantic": ".semantic",
    "agnostic": ".agnostic",
    "svg": ".svg",
    "pae": ".pae",
    "kern": ".krn",
    "abc": ".abc",
}
# Formats of one staff or one tune; a file can hold several, one after the other.
PIECE_BY_PIECE = ("semantic", "agnostic", "abc")
