"""Studies: losses compared over seeds and data sets, from the data to the report, by one command."""
