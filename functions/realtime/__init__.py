"""Realtime: tickets over HTTP, the socket's routes, and the fan-out of table changes."""
