# Made from _async/__init__.py by unasync.py: edit that.
"""The client that waits."""
