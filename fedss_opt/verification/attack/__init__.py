"""Attack as a habit: fresh problems for a given time, and what fails is shrunk and saved."""

from .attack_run import Attack, Failure, FamilyRecord, attack

__all__ = ["Attack", "Failure", "FamilyRecord", "attack"]
