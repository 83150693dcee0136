"""What a scope is, and what it includes."""

import pytest

from gateway.serving.auth.scopes import OPEN, SIMPLE, access_of, account_of, account_scope


@pytest.mark.parametrize("scope", SIMPLE)
def test_those_that_are_about_no_account(scope: str) -> None:
    assert account_of(scope) is None


def test_an_accounts_scope_names_it() -> None:
    assert account_scope("main-2") == "account:main-2:read"
    assert account_of("account:main-2:read") == "main-2"


@pytest.mark.parametrize(
    "text",
    ["", "market", "Market:read", "market:read ", "account::read", "account:*:read", "account:a:write", "admin\n"],
)
def test_any_other_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="there is no scope"):
        account_of(text)


def test_each_allows_itself_alone() -> None:
    for scope in ("market:read", "connection:write", "metrics", "account:a:read"):
        access = access_of("t", [scope])
        assert [one for one in (*SIMPLE, "account:a:read", "account:b:read") if access.allows(one)] == [scope]


def test_admin_includes_all_but_account_data() -> None:
    access = access_of("t", ["admin"])
    assert [one for one in (*SIMPLE, "account:a:read") if access.allows(one)] == list(SIMPLE)


def test_where_no_token_is_needed_everything_is_allowed() -> None:
    assert all(OPEN.allows(one) for one in (*SIMPLE, "account:a:read"))
