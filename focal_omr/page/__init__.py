"""From a file to upright pages, and the staves and systems on them."""
