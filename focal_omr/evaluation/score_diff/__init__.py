"""Note-level comparison of scores: readers, bar alignment, figures and OMR-NED."""
