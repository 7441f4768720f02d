"""The servers that the browsers visit: the reference server, plain or behind a proxy, and one of its own."""
