"""Tests of the court itself: it must catch what is wrong, and pass what is right."""
