"""Session libraries that we did not write, under the same browser tests; targets.yml lists them."""
