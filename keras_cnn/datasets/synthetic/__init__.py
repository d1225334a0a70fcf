"""The built-in samples: small data sets drawn by code."""
