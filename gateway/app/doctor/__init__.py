"""What is wrong with installation, configuration and the machine: one small check after another."""

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, Verdict
from gateway.app.doctor.rounds import examine

__all__ = ["Case", "Finding", "Verdict", "examine"]
