"""An endpoint counts as gone when it was not found for long, and never because our own network is down."""

from gateway.engine.absence import KEPT, NAMES, PAUSE, UPGRADES, Absence, Names
from gateway.errors import ConnectionFault, Reason, ReplyRefused, TransportLost, UpgradeRefused

HOST = "stream.example"
UNKNOWN = TransportLost("no address", reason=Reason.NAME_NOT_RESOLVED)
NOT_FOUND = UpgradeRefused(404)


def met(
    fault: ConnectionFault, until: float, names: Names | None = None, *, step: float = 30.0, begin: float = 1000.0
) -> tuple[float, str]:
    """Meet ``fault`` each ``step`` seconds; return when it counts as gone and why, or that it never does."""
    absence, now = Absence(names or Names()), begin
    while now <= begin + until:
        if text := absence.look(fault, HOST, now):
            return now - begin, text
        now += step
    return until, ""


def elsewhere(at: float) -> Names:
    names = Names()
    names.found("rest.example", at)
    return names


def test_an_upgrade_that_is_not_found_for_five_minutes_is_gone() -> None:
    assert met(NOT_FOUND, 3600) == (UPGRADES, "HTTP status 404 for 300 s")


def test_a_request_that_is_not_found_says_nothing_of_the_endpoint() -> None:
    assert met(ReplyRefused(404), 3600)[1] == ""
    assert met(UpgradeRefused(503), 3600)[1] == ""


def test_a_name_without_an_address_for_an_hour_is_gone_if_others_have_one() -> None:
    at, text = met(UNKNOWN, 7200, elsewhere(1100.0))
    assert (at, text) == (NAMES, "the host's name has had no address for 60 min, and others have")


def test_while_no_other_name_is_found_our_own_network_may_be_down() -> None:
    assert met(UNKNOWN, 7200)[1] == ""
    assert met(UNKNOWN, 7200, elsewhere(999.0))[1] == "", "before the trouble began"
    own = Names()
    own.found(HOST, 2000.0)
    own.found("localhost", 2000.0)
    assert met(UNKNOWN, 7200, own)[1] == ""


def test_anything_else_between_begins_it_anew() -> None:
    absence = Absence(elsewhere(2000.0))
    for other in (TransportLost("closed"), UNKNOWN):
        assert absence.look(NOT_FOUND, HOST, 1000.0) == ""
        assert absence.look(other, HOST, 1000.0 + UPGRADES - 1) == ""
        assert absence.look(NOT_FOUND, HOST, 1000.0 + UPGRADES) == ""


def test_what_was_met_long_before_does_not_count() -> None:
    """Somebody disconnected in between, say."""
    assert met(NOT_FOUND, 36_000, step=PAUSE + 1)[1] == ""
    assert met(NOT_FOUND, 36_000, step=PAUSE)[1] == "HTTP status 404 for 600 s"


def test_once_it_has_counted_as_gone_it_is_looked_for_anew() -> None:
    """Whoever connects it by hand has mended something."""
    absence = Absence(Names())
    absence.look(NOT_FOUND, HOST, 1000.0)
    assert absence.look(NOT_FOUND, HOST, 1000.0 + UPGRADES)
    assert absence.look(NOT_FOUND, HOST, 1001.0 + UPGRADES) == ""


def test_of_many_names_the_last_ones_are_remembered() -> None:
    names = Names()
    names.found("first.example", 5.0)
    for number in range(KEPT):
        names.found(f"{number}.example", 1.0)
    assert not names.others_since(HOST, 5.0)
    assert names.others_since(HOST, 1.0)
