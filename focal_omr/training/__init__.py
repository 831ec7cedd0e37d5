"""What `train` needs around the loop: checkpoints, validation, DDP, export, calibration."""
