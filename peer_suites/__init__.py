"""The own tests of other session libraries, run against this one: `make peer-suites`."""
