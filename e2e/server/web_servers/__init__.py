"""nginx and Apache, as proxies that end TLS and as shared caches, each on a port of its own."""
