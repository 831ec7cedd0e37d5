"""The command line: `focal-omr read`, `train`, `serve` and the other commands."""
