"""Error rates on labelled images, and the comparison of two scores."""
