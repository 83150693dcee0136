"""The gateway between trading programs and exchanges."""
