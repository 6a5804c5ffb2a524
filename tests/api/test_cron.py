"""Schedules, and robfig/cron's own words for bad ones."""

import pytest

from sim.api import cron, times


@pytest.mark.parametrize(("text", "after", "due"), [
    ("*/15 * * * *", "2025-06-10T08:07:30Z", "2025-06-10T08:15:00Z"),
    ("0 3 * * *", "2025-06-10T03:00:00Z", "2025-06-11T03:00:00Z"),
    ("0 0 31 * *", "2025-06-10T00:00:00Z", "2025-07-31T00:00:00Z"),
    ("0 9 1 * mon", "2025-06-10T00:00:00Z", "2025-06-16T09:00:00Z"),
    ("30 8 29 feb *", "2025-06-10T00:00:00Z", "2028-02-29T08:30:00Z"),
    ("@hourly", "2025-06-10T08:07:30Z", "2025-06-10T09:00:00Z"),
    ("@every 90s", "2025-06-10T08:00:00Z", "2025-06-10T08:01:30Z"),
])
def test_the_next_moment(text, after, due):
    assert times.stamp(cron.parse(text).next_us(times.parse(after))) == due


@pytest.mark.parametrize(("text", "wrong"), [
    ("abc", "expected exactly 5 fields, found 1: [abc]"),
    ("61 * * * *", "end of range (61) above maximum (59): 61"),
    ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
    ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
    ("*/0 * * * *", "step of range should be a positive number: */0"),
    ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
    ("* * * * 7", "end of range (7) above maximum (6): 7"),
    ("@sometimes", "unrecognized descriptor: @sometimes"),
    ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
])
def test_bad_schedules(text, wrong):
    with pytest.raises(ValueError) as caught:
        cron.parse(text)
    assert str(caught.value) == wrong
