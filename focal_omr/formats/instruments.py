"""General MIDI instruments: their names by program number, and the programs of names in scores.

Source: General MIDI System Level 1, MIDI Manufacturers Association, 1991, sound set.
"""

_NAMES = """
Acoustic Grand Piano, Bright Acoustic Piano, Electric Grand Piano, Honky-tonk Piano, Electric Piano 1,
Electric Piano 2, Harpsichord, Clavinet,
Celesta, Glockenspiel, Music Box, Vibraphone, Marimba, Xylophone, Tubular Bells, Dulcimer,
Drawbar Organ, Percussive Organ, Rock Organ, Church Organ, Reed Organ, Accordion, Harmonica, Tango Accordion,
Acoustic Guitar (nylon), Acoustic Guitar (steel), Electric Guitar (jazz), Electric Guitar (clean),
Electric Guitar (muted), Overdriven Guitar, Distortion Guitar, Guitar Harmonics,
Acoustic Bass, Electric Bass (finger), Electric Bass (pick), Fretless Bass, Slap Bass 1, Slap Bass 2,
Synth Bass 1, Synth Bass 2,
Violin, Viola, Cello, Contrabass, Tremolo Strings, Pizzicato Strings, Orchestral Harp, Timpani,
String Ensemble 1, String Ensemble 2, Synth Strings 1, Synth Strings 2, Choir Aahs, Voice Oohs, Synth Voice,
Orchestra Hit,
Trumpet, Trombone, Tuba, Muted Trumpet, French Horn, Brass Section, Synth Brass 1, Synth Brass 2,
Soprano Sax, Alto Sax, Tenor Sax, Baritone Sax, Oboe, English Horn, Bassoon, Clarinet,
Piccolo, Flute, Recorder, Pan Flute, Blown Bottle, Shakuhachi, Whistle, Ocarina,
Lead 1 (square), Lead 2 (sawtooth), Lead 3 (calliope), Lead 4 (chiff), Lead 5 (charang), Lead 6 (voice),
Lead 7 (fifths), Lead 8 (bass + lead),
Pad 1 (new age), Pad 2 (warm), Pad 3 (polysynth), Pad 4 (choir), Pad 5 (bowed), Pad 6 (metallic),
Pad 7 (halo), Pad 8 (sweep),
FX 1 (rain), FX 2 (soundtrack), FX 3 (crystal), FX 4 (atmosphere), FX 5 (brightness), FX 6 (goblins),
FX 7 (echoes), FX 8 (sci-fi),
Sitar, Banjo, Shamisen, Koto, Kalimba, Bagpipe, Fiddle, Shanai,
Tinkle Bell, Agogo, Steel Drums, Woodblock, Taiko Drum, Melodic Tom, Synth Drum, Reverse Cymbal,
Guitar Fret Noise, Breath Noise, Seashore, Bird Tweet, Telephone Ring, Helicopter, Applause, Gunshot
"""
PROGRAMS: tuple[str, ...] = tuple(name.strip() for name in _NAMES.split(","))

# Words in the names of parts and the program of General MIDI that they mean; the first one that occurs holds.
_WORDS = (
    *(("piccolo", 72), ("alto flute", 73), ("flute", 73), ("flauto", 73), ("flöte", 73), ("flet", 73)),
    *(("recorder", 74), ("english horn", 69), ("corno inglese", 69), ("englischhorn", 69), ("oboe", 68)),
    *(("clarin", 71), ("klarin", 71), ("fagott", 70), ("bassoon", 70), ("basson", 70), ("saxoph", 65)),
    *(("tuba", 58), ("trombon", 57), ("posaun", 57), ("tromb", 56), ("trumpet", 56), ("trompet", 56)),
    *(("horn", 60), ("corni", 60), ("corno", 60), ("cors", 60), ("timpan", 47), ("pauken", 47)),
    *(("glockenspiel", 9), ("xylophon", 13), ("marimba", 12), ("vibraphon", 11), ("celesta", 8)),
    *(("harpsichord", 6), ("cembalo", 6), ("clavecin", 6), ("continuo", 6), ("harp", 46), ("arpa", 46)),
    *(("organ", 19), ("orgel", 19), ("piano", 0), ("klavier", 0), ("guitar", 24), ("gitar", 24)),
    *(("contrabass", 43), ("double bass", 43), ("kontrabass", 43), ("basso continuo", 6), ("violone", 43)),
    *(
        ("violoncell", 42),
        ("cello", 42),
        ("viola da gamba", 42),
        ("violin", 40),
        ("geige", 40),
        ("viola", 41),
    ),
    *(("bratsche", 41), ("skrzyp", 40), ("string", 48), ("streich", 48), ("accordion", 21)),
    *(("soprano", 52), ("sopran", 52), ("alto", 52), ("alt", 52), ("tenor", 52), ("baritone", 52)),
    *(("bariton", 52), ("bass", 52), ("basso", 52), ("voice", 52), ("singstimme", 52), ("gesang", 52)),
    *(("canto", 52), ("chor", 52), ("choir", 52), ("chœur", 52), ("voix", 52), ("mezzo", 52)),
)
# Words in the names of percussion parts, and the note of the percussion channel.
DRUMS: tuple[tuple[str, int], ...] = (
    *(("triangle", 81), ("triangel", 81), ("cymbal", 49), ("becken", 49), ("piatti", 49), ("tambourine", 54)),
    *(("bass drum", 36), ("große trommel", 36), ("gran cassa", 36), ("side drum", 38), ("snare", 38)),
    *(("tam-tam", 52), ("gong", 52), ("wood block", 76), ("woodblock", 76), ("cowbell", 56), ("claves", 75)),
    *(("castanet", 85), ("maracas", 70), ("bongo", 60), ("conga", 63), ("tom", 45)),
)


def program_of(name: str) -> int:
    """The General MIDI program, from 0, that a part's name means; a piano for unknown names."""
    folded = name.casefold()
    return next((program for word, program in _WORDS if word in folded), 0)
