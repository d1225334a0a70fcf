"""Rewrite scripts of Keras 1 and 2 for Keras 3."""
