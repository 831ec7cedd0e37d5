"""The score model: frozen records, accidentals, beaming and bounds."""
