"""Report pages: what was found, why, and how good it is, in one HTML file that needs no network (extra ``report``)."""

from .allocation import write_allocation_report

__all__ = ["write_allocation_report"]
