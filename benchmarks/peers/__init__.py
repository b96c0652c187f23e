"""The race: the package and other people's solvers on the same instances (``python -m benchmarks.peers``)."""
