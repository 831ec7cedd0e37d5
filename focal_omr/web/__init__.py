"""The web page and its HTTP API: pictures in, scores to see, hear, mend and take away (docs/server.md)."""
