"""A book as far as a live table needs it."""

from gateway.cli.levels import Levels


def side(bids=(), asks=()):
    return [{"bids": list(bids), "asks": list(asks)}]


def test_the_best_levels_are_those_of_the_snapshot_as_it_was_changed_since():
    levels = Levels()
    levels.take("snapshot", side([["9.9", "1"], ["10", "2"]], [["11", "3"], ["10.5", "1"]]))
    assert levels.best() == (("10", "2"), ("10.5", "1"))
    levels.take("update", side([["10", "0.00"]], [["10.5", "0"], ["10.4", "7"]]))
    assert levels.best() == (("9.9", "1"), ("10.4", "7"))
    levels.take("update", side([], [["10.4", "0"]]))
    assert levels.best() == (("9.9", "1"), ("11", "3"))


def test_changes_of_a_book_that_is_not_there_show_nothing():
    levels = Levels()
    levels.take("update", side([["10", "1"]]))
    assert levels.best() == (None, None)


def test_a_book_that_was_forgotten_is_empty_until_the_next_snapshot_which_replaces_all():
    levels = Levels()
    levels.take("snapshot", side([["10", "1"]]))
    levels.forget()
    levels.take("update", side([["9", "1"]]))
    assert levels.best() == (None, None)
    levels.take("snapshot", side([["8", "1"]]))
    levels.take("snapshot", side([["7", "1"]]))
    assert levels.best() == (("7", "1"), None)
