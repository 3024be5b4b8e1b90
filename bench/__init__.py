"""Benchmarks: ours and a peer's in turn, in one run on one machine, with the ratio."""
