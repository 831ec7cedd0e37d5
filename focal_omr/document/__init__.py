"""A document that was read: pages, staves, symbols, pieces; its review and its overlays."""
