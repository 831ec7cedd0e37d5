"""Token encodings of one staff: PrIMuS semantic and agnostic, and the printed encoding of the network."""
