"""Studies: a grid of losses, seeds and data sets, trained, compared and reported by one command."""
