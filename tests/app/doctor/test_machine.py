"""Descriptors, the disk and the clock."""

import pytest

from gateway.app.doctor import Case, machine
from gateway.app.doctor.machine import MIB


@pytest.mark.parametrize(("soft", "kind"), [(-1, 0), (100_000, 0), (5256, 0), (5255, 1), (1024, 1)])
def test_fewer_descriptors_than_sockets_are_worth_advice(case, said, soft, kind):
    assert [len(texts) for texts in said(machine.descriptors(case(), lambda: soft))] == [
        int(kind == number) for number in range(3)
    ]


def test_a_lower_limit_of_sockets_needs_fewer(case, said):
    tables = {"server": {"limits": {"sockets": 100}}}
    assert said(machine.descriptors(case(tables), lambda: 1024))[0]


def test_the_systems_own_limit_is_asked(case, said):
    assert sum(map(len, said(machine.descriptors(case())))) == 1


@pytest.mark.parametrize(("free", "kind"), [(99 * MIB, 2), (500 * MIB, 1), (5000 * MIB, 0)])
def test_room_on_the_disk_is_enough_little_or_none(case, said, tmp_path, free, kind):
    one = case({"store": {"path": str(tmp_path / "gateway.db")}})
    found = said(machine.disk(one, lambda _: free))
    assert found[kind] == [f"{free // MIB} MiB are free in {tmp_path}"]


def test_the_real_disk_is_asked_and_none_where_nothing_is_kept(case, tmp_path):
    assert len(list(machine.disk(case({"store": {"path": str(tmp_path / "gateway.db")}})))) == 1
    assert list(machine.disk(case())) == []
    assert list(machine.disk(case({"store": {"path": str(tmp_path / "nope" / "gateway.db")}}))) == []


@pytest.mark.parametrize(("kept", "kind"), [(True, 0), (None, 0), (False, 1)])
def test_a_clock_that_nobody_keeps_is_worth_advice_where_the_system_says_so(case, said, kept, kind):
    assert len(said(machine.clock(case(), lambda: kept))[kind]) == 1


def test_a_clock_before_this_gateway_was_made_is_wrong(case, said, monkeypatch):
    monkeypatch.setattr(Case, "now_us", staticmethod(lambda: 1_000_000))
    [wrong] = said(machine.clock(case(), lambda: True))[2]
    assert wrong.startswith("the clock says 1970-01-01")


def test_the_system_is_asked_and_nothing_is_adjusted(case):
    assert len(list(machine.clock(case()))) == 1
