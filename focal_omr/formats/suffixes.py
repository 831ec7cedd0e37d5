"""The names of the formats that scores are written in, and the suffixes of such files.

Apart from `formats`, so that a command can be understood without the modules that write them.
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
# Formats of one staff or one tune; a file of them can hold several, one after the other.
PIECE_BY_PIECE = ("semantic", "agnostic", "abc")
