"""Which plugins are installed, and whether those that are configured can be used."""

from collections import Counter
from collections.abc import Iterator

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.errors import PluginError
from gateway.host import PluginHost, installed


def found(_: Case) -> Iterator[Finding]:
    """Tell which are installed, without importing any, and which claim the same exchange."""
    plugins = installed()
    names = Counter(one.name for one in plugins)
    for name, claims in names.items():
        if claims > 1:
            who = " and ".join(f"{one.distribution} {one.version}" for one in plugins if one.name == name)
            yield wrong(f"{name} is claimed by {who}", f"uninstall all but one: {name} cannot be used until then")
    single = [f"{one.name} ({one.distribution} {one.version})" for one in plugins if names[one.name] == 1]
    if single:
        yield well(f"installed are {', '.join(single)}")
    if not plugins:
        yield advice("no plugin is installed", "install a package with one, or the gateway anew: it brings some")


def usable(case: Case) -> Iterator[Finding]:
    """Tell of each exchange that is configured whether its plugin can be loaded: each by itself."""
    for exchange in case.given.exchanges:
        try:
            host = PluginHost()
            host.load(exchange, case.given.plugins.allow)
            info = host.bind(exchange).info
        except PluginError as broken:
            yield wrong(f"{exchange}: its plugin cannot be used: {broken.problem}", _todo(broken.problem))
        else:
            channels = ", ".join(one.name for one in info.channels)
            yield well(
                f"{exchange}: its plugin speaks version {info.spi_version} of the contract, with {channels}"
            )
    if not case.given.exchanges:
        yield advice("no exchange is configured", "name one: [exchanges.<id>]")


def _todo(problem: str) -> str:
    if "allowed plugins" in problem:
        return "add it to plugins.allow, or take it out of exchanges"
    if "does not let in as it is" in problem:
        return "find out why it is another than was looked at; 'gateway plugins audit' shows what is installed"
    if "not installed" in problem:
        return "install the package that has it, or correct the name"
    if "version" in problem and "contract" in problem:
        return "install a version of the plugin that is written for this gateway"
    return "ask the plugin's author, or install another version of it"
