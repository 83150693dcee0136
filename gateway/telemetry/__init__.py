"""What operators see: traces and logs, made from changes and never per message."""

from gateway.telemetry.export import Telemetry, setup, traced
from gateway.telemetry.logs import Logs, setup_logs
from gateway.telemetry.scrubbing import SCRUBBER

__all__ = ["SCRUBBER", "Logs", "Telemetry", "setup", "setup_logs", "traced"]
