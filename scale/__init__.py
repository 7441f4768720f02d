"""How far each store carries: a million live sessions, their size, their speed, a purge beside reads.

    python -m scale [--store NAME…] [--sessions N]

`fill` makes the sessions, `steps` measures one thing after the other, `page` writes docs/scale.md.
"""
