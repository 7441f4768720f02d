"""The browser tests on a server that somebody else has started, in any language: `python -m e2e.judge URL`.

docs/judge.openapi.yaml lists the routes, `needs.json` which of them each test uses.
"""
