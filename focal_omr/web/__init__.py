"""The web page and its HTTP API: read, review, play, correct and download scores (docs/server.md)."""
