"""Focal-CTC-OMR: printed music in, MusicXML and MIDI out."""

__version__ = "0.1.0"
