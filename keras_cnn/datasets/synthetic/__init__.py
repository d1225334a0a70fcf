"""The built-in samples: small sets drawn by code."""
