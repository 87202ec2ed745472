"""Small tasks to begin with, as the document uses them."""

from __future__ import annotations

import time
from typing import Any

from ..definition.node import Task


def add_data(data_param: Any) -> Task:
    """Return a task that adds ``data_param`` to the data."""

    def _add_data(obj: Any, eng: Any) -> None:
        obj.data += data_param

    return _add_data


def subtract(data_param: Any) -> Task:
    """Return a task that takes ``data_param`` from the data."""

    def _subtract(obj: Any, eng: Any) -> None:
        obj.data -= data_param

    return _subtract


def reduce_data_by_one(times: int) -> Task:
    """Return a task that takes one from the data, ``times`` times."""

    def _reduce_data_by_one(obj: Any, eng: Any) -> None:
        obj.data -= times

    return _reduce_data_by_one


def set_data(data: Any) -> Task:
    """Return a task that makes ``data`` the data."""

    def _set_data(obj: Any, eng: Any) -> None:
        obj.data = data

    return _set_data


def get_data(obj: Any, eng: Any) -> Any:
    """Return the data, for tasks that take functions as arguments."""
    return obj.data


def add_metadata() -> Task:
    """Return a task that writes an animal into a record, by its ``content_type``."""

    def _add_metadata(obj: Any, eng: Any) -> None:
        is_book = obj.data.get("content_type") == "book"
        obj.data["meta1"] = "elephant" if is_book else "hippo"

    return _add_metadata


def set_obj_extra_data_key(key: str, value: Any) -> Task:
    """Return a task that sets a key of the object's ``extra_data``."""

    def _set_obj_extra_data_key(obj: Any, eng: Any) -> None:
        obj.extra_data[key] = value

    return _set_obj_extra_data_key


def get_obj_extra_data_key(name: str) -> Task:
    """Return a function that gives a key of the object's ``extra_data``."""

    def _get_obj_extra_data_key(obj: Any, eng: Any) -> Any:
        return obj.extra_data[name]

    return _get_obj_extra_data_key


def get_eng_extra_data_key(name: str) -> Task:
    """Return a function that gives a key of the run's ``extra_data``."""

    def _get_eng_extra_data_key(obj: Any, eng: Any) -> Any:
        return eng.extra_data[name]

    return _get_eng_extra_data_key


def lower_than_20(obj: Any, eng: Any) -> bool:
    """Say whether the data is less than 20: a condition."""
    return bool(obj.data < 20)


def was_approved(obj: Any, eng: Any) -> bool:
    """Say whether a person approved the object: a condition."""
    return bool(obj.extra_data.get("approved", False))


def approve_record(obj: Any, eng: Any) -> None:
    """Halt until a person approves the record."""
    eng.halt("Record needs approval", action="approval")


def halt_if_higher_than_20(obj: Any, eng: Any) -> None:
    """Halt if the data is more than 20."""
    if obj.data > 20:
        eng.halt("Data higher than 20.")


def halt_if_data_less_than(threshold: Any) -> Task:
    """Return a task that halts if the data is less than ``threshold``."""

    def _halt_if_data_less_than(obj: Any, eng: Any) -> None:
        if obj.data < threshold:
            eng.halt("Value of data is too small.")

    return _halt_if_data_less_than


def halt_whatever(obj: Any, eng: Any) -> None:
    """Halt in any case."""
    eng.halt("Halted in any case.")


def task_reduce_and_halt(obj: Any, eng: Any) -> None:
    """Take one from the data and halt, as long as it is more than 0."""
    if obj.data > 0:
        obj.data -= 1
        eng.halt("Data was reduced.")


def task_b(obj: Any, eng: Any) -> None:
    """Add a task result if the data is less than 20."""
    if obj.data < 20:
        obj.log.info("data < 20")
        obj.add_task_result("task_b", {"a": 12, "b": 13, "c": 14})


def generate_error(obj: Any, eng: Any) -> None:
    """Fail."""
    obj.data /= 0


def sleep_task(seconds: float) -> Task:
    """Return a task that takes its time."""

    def _sleep_task(obj: Any, eng: Any) -> None:
        time.sleep(seconds)

    return _sleep_task
