"""Documents as read: pages, staves, symbols and pieces; their review and their overlays."""
