"""The demo: a small Starlette app that shows what `sessions` does, by hand or under a browser test."""
