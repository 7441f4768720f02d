"""Virtual browsers against real workers and real stores, while everything around them fails.

`python -m torture` runs browsers with cookie jars and parallel requests against two uvicorn processes, for
each store. Meanwhile nemeses kill, stop and restart the workers and the store, lose answers and move clocks.
The history of each session is recorded, and a checker compares it with what docs/promises.md promises.

    browser   what a person with a browser does        history   what was sent, and what came back
    client    http, as cheaply as possible             checker   what must not be in a history
    app       the app under test                       nemeses   what goes wrong meanwhile
    worker    a process that serves it                 proxy     the wire to the store, which can lose answers
    dials     numbers that all workers read            servers   the workers and the store of one run
    run       one run on one store                     report    the table, and docs/torture.md
"""
