"""How often a task is tried again, after which errors, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import WorkflowDefinitionError

#: A number that is doubled each time, the pauses themselves, or a function of the
#: number of failures so far.
Backoff = float | Sequence[float] | Callable[[int], float]

_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Retry:
    """What is done when a task fails: ``@task(retry=Retry(times=3))``.

    :param times: how often it is tried again, after it failed for the first time.
    :param backoff: seconds to wait: before the first time, and doubled for each one
        after it, up to 10 minutes; or a list of pauses, of which the last is
        repeated; or a function of the number of failures.
    :param on: the errors after which it is tried again.
    """

    times: int = 3
    backoff: Backoff = 1.0
    on: type[Exception] | tuple[type[Exception], ...] = Exception

    def __post_init__(self) -> None:
        if isinstance(self.times, bool) or not isinstance(self.times, int):
            raise _wrong("times", self.times, "a whole number")
        if not 1 <= self.times <= 1000:
            raise _wrong("times", self.times, "from 1 to 1000")
        kinds = self.on if isinstance(self.on, tuple) else (self.on,)
        if not kinds or not all(
            isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds
        ):
            raise _wrong("on", self.on, "an exception's class, or a tuple of them")
        if not callable(self.backoff):
            pauses: Sequence[object] = [self.backoff]
            if isinstance(self.backoff, Sequence):
                pauses = self.backoff or [None]
            for pause in pauses:
                if not isinstance(pause, (int, float)) or not 0 <= pause < 10**8:
                    raise _wrong("backoff", self.backoff, "seconds, 0 or more")

    def wants(self, error: BaseException, failures: int) -> bool:
        """Say whether a task that failed so often is to be tried again."""
        return failures <= self.times and isinstance(error, self.on)

    def seconds(self, failures: int) -> float:
        """Return how long to wait after this many failures."""
        if callable(self.backoff):
            return max(float(self.backoff(failures)), 0.0)
        if isinstance(self.backoff, Sequence):
            return float(self.backoff[min(failures, len(self.backoff)) - 1])
        return min(self.backoff * 2.0 ** min(failures - 1, 60), _LONGEST)


def _wrong(name: str, value: object, wanted: str) -> WorkflowDefinitionError:
    return WorkflowDefinitionError(f"Retry: {name} must be {wanted}, not {value!r}.")
