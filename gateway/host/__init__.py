"""The plugin host: which plugins are installed, which are loaded, and the seam through which they are called."""

from gateway.host.binding import Binding
from gateway.host.discovery import GROUP, Installed, installed
from gateway.host.host import PluginHost
from gateway.host.permission import fingerprint

__all__ = ["GROUP", "Binding", "Installed", "PluginHost", "fingerprint", "installed"]
