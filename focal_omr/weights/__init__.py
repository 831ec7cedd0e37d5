"""The packaged weights and their model card."""
