"""matrix.yml: which cells there are, which of them and of their tests a run takes, and why."""
