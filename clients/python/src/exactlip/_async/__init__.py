"""The client for ``asyncio``. The modules of ``_sync`` are made from these: see ``unasync.py``."""
