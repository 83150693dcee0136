"""What operators see: traces and logs, made from changes and never per message."""
