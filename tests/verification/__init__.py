"""Tests of verification itself: it must catch what is wrong, and pass what is right."""
