"""How much time sessions add to a request, beside other libraries, in one run."""
