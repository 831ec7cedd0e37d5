"""Where samples come from: tunes, composed music, PrIMuS folders, rendering, augmentation."""
