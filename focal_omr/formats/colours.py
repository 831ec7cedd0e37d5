"""Colours of what writers point out."""

# Of notes that are perhaps misread: distinct from ink for every kind of colour blindness.
# Source: Okabe and Ito, "Color universal design", 2008.
DOUBTFUL_COLOUR = "#D55E00"
