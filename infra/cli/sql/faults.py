"""What stops an import or export, for the person at the terminal."""

from __future__ import annotations


class SqlFaultError(RuntimeError):
    """Why it does not go on; the message never holds what a URL keeps secret."""
