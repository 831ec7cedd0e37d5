"""Pages: how a file becomes pictures, and where their staves and systems lie."""
