"""The browser matrix: every promise, in a real browser, on every server and store of matrix.yml."""
