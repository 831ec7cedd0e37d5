"""Loading image files: header, orientation, resolution, pixels."""
