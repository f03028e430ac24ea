"""Benchmarks: what Covey costs, measured here and now."""
