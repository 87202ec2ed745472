"""Python imports this first where it is on the path: the clock of a machine is wrong.

``WRONG_CLOCK`` says by how many seconds. What measures how long something takes goes
on as it was: that is right on such a machine too.
"""

import datetime as times
import os
import time

WRONG = float(os.environ["WRONG_CLOCK"])

_time, _time_ns, _datetime = time.time, time.time_ns, times.datetime


class _Kind(type(_datetime)):
    def __instancecheck__(cls, each):
        return isinstance(each, _datetime)


class WrongDateTime(_datetime, metaclass=_Kind):
    """The class that is asked for the time, under the name of the right one."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return cls.now(times.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls):
        return cls.now()


WrongDateTime.__name__ = WrongDateTime.__qualname__ = "datetime"
WrongDateTime.__module__ = "datetime"

time.time = lambda: _time() + WRONG
time.time_ns = lambda: _time_ns() + int(WRONG * 1e9)
times.datetime = WrongDateTime
