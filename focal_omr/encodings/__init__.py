"""A staff as a sequence of tokens: PrIMuS semantic and agnostic, and the encoding that the network writes."""
