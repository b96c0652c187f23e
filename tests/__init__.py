"""The tests: a package, so that files of the same name in its folders do not clash."""
