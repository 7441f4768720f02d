"""The reference server's routes on other Python libraries: `python -m e2e.targets.python LIBRARY STORE`."""
