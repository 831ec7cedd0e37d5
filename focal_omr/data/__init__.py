"""Data sets: tunes, composed music, PrIMuS, rendering and augmentation."""
