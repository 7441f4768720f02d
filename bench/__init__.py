"""What a session takes of a request, beside other libraries and beside the stores' own clients.

    python -m bench            in the process, without a socket
    python -m bench --http     on uvicorn, over a socket

`apps.py` is what is served, `subjects.py` has the libraries around it, and `floors.py` the clients of stores
by hand. `in_process.py` and `over_http.py` measure. `results.py` keeps the numbers and writes the page,
`picture.py` draws them.
"""
