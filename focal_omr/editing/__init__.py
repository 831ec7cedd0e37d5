"""Corrections by a person: an edit changes symbols of a staff, and what follows from it in its part."""
