"""Checkpoints, validation, DDP, ONNX export and confidence calibration of trained networks."""
