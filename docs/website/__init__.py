"""The site: pages from the repository's documents, notebooks, docstrings and parsers."""
