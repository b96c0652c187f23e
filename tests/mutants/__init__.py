"""Small wrong changes to the package, each with the tests that have to notice it: ``make mutants``."""
