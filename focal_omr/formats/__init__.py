"""Readers and writers of score formats: MusicXML, MEI, MIDI, kern, ABC, LilyPond, SVG."""
