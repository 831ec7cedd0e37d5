"""A labelled set to look at: the figures of the imbalance study, a table, and the page that holds them."""
