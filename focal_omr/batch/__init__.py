"""Reading many documents: worker processes, output files, the manifest and resuming."""
