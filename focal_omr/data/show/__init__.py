"""Overview page of a labelled data set: figures of symbol frequencies, tables, and sample staves."""
