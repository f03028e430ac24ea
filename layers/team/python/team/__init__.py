"""The team's own code, importable by every function as `team`."""
