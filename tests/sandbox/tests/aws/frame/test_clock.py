"""The clock and its agenda."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_sandbox.aws.clock import Clock

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_advance_keeps_every_appointment_at_its_own_time():
    clock = Clock(START, frozen=True)
    seen = []

    def step():
        seen.append(clock.now() - START)
        if len(seen) < 3:
            clock.call_later(10, step)

    clock.call_later(10, step)
    clock.advance(3600)
    assert seen == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=30)]
    assert clock.now() == START + timedelta(hours=1)


def test_a_cancelled_appointment_is_not_kept():
    clock = Clock(START, frozen=True)
    seen = []
    clock.call_later(1, lambda: seen.append(1)).cancel()
    clock.advance(2)
    assert seen == []


def test_a_failure_is_told_and_the_rest_is_kept():
    clock = Clock(START, frozen=True)
    failed, seen = [], []
    clock.on_failure = lambda appointment, error: failed.append((appointment.name, type(error)))
    clock.call_later(1, lambda: 1 / 0, "broken")
    clock.call_later(1, lambda: seen.append(1), "sound")
    clock.advance(1)
    assert failed == [("broken", ZeroDivisionError)]
    assert seen == [1]


def test_time_does_not_go_back_and_a_frozen_clock_stands():
    clock = Clock(START, frozen=True)
    assert clock.now() == clock.now() == START
    with pytest.raises(ValueError):
        clock.advance(-1)
    clock.resume()
    assert not clock.frozen
    clock.freeze()
    assert clock.frozen
