"""What a run found out: as data, on the terminal, as a page, and as a comparison of libraries."""
