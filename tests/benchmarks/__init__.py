"""How fast minillm is beside others, in ratios: `python -m tests.benchmarks`."""
