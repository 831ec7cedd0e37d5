"""The confidence below which a symbol is doubtful; free of imports, so that commands start quickly."""

DOUBTFUL_BELOW = 0.9  # confidences are calibrated: of 100 symbols at this one, ten are wrong
