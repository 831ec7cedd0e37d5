"""Decoding of a network's outputs: symbols of one voice, columns of a staff, bars of a system."""

from focal_omr.decode.symbols import BEAM_WIDTH, Decoded, Rules, align, beam_decode, greedy_decode

__all__ = ["BEAM_WIDTH", "Decoded", "Rules", "align", "beam_decode", "greedy_decode"]
