"""Deployable entry points: a folder each, thin, never importing each other."""
