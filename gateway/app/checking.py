"""What of a configuration only the plugins can know to be wrong, found without starting anything."""

from gateway.app.composition import options_of, urls_of
from gateway.config import Settings
from gateway.errors import ConfigError, PluginError
from gateway.host import PluginHost


def check(settings: Settings) -> None:
    """
    Load every plugin that is named and check what it is given; secrets are not looked for.

    Raises:
        ConfigError: For the first that is wrong, a plugin that cannot be used among it.
    """
    host = PluginHost()
    for exchange, given in settings.exchanges.items():
        try:
            host.load(exchange, settings.plugins.allow)
        except PluginError as broken:
            raise ConfigError(f"exchanges.{exchange}", f"its plugin {broken.problem}") from broken
        info = host.bind(exchange).info
        urls_of(exchange, info, given)
        options_of(exchange, info, settings)
