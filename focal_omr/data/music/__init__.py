"""Where the staves come from: real tunes and composed music, with rare symbols put in."""
