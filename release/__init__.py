"""What is checked before a release: the package as strangers install it, and what it brings along."""
