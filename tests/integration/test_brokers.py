"""The brokers of the tests are real ones: they keep, lose and refuse."""

from __future__ import annotations

import contextlib
import socket

import pytest
import redis
from brokers import Broker, RabbitMQ, Redis
from kombu import Connection
from servers import ServerMissing


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """A broker with nothing in it, once of each kind."""
    server: Broker = request.getfixturevalue(f"{request.param}_server")
    with Connection(server.url) as connection:
        with connection.SimpleQueue("letters") as queue:
            queue.clear()
    return server


def post(server: Broker, letter: str) -> None:
    options = {} if isinstance(server, Redis) else {"confirm_publish": True}
    with Connection(server.url, transport_options=options) as connection:
        with connection.SimpleQueue("letters") as queue:
            queue.put(letter)


def letters(server: Broker) -> list[str]:
    """What is in the queue; it is taken out."""
    found = []
    with Connection(server.url) as connection:
        with connection.SimpleQueue("letters") as queue:
            with contextlib.suppress(queue.Empty):
                while True:
                    message = queue.get(block=False)
                    message.ack()
                    found.append(message.payload)
    return found


def test_what_is_put_into_a_broker_is_taken_out(broker: Broker) -> None:
    post(broker, "one")
    assert letters(broker) == ["one"]


def test_a_broker_that_loses_all_comes_back_empty_on_its_port(broker: Broker) -> None:
    before = broker.url
    post(broker, "one")
    broker.restart(lose=True)
    assert (broker.url, letters(broker)) == (before, [])


def test_a_broker_that_is_down_refuses_and_comes_back_with_all(broker: Broker) -> None:
    post(broker, "one")
    broker.down()
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", broker.port), timeout=5)
    finally:
        broker.up()
    assert letters(broker) == ["one"]


def test_redis_itself_forgets_what_was_set(redis_server: Redis) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"
    redis_server.restart(lose=True)
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("key") is None


@pytest.mark.parametrize("kind", [Redis, RabbitMQ])
def test_without_its_program_the_package_is_named(
    kind: type[Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokers.shutil.which", lambda *args, **kwargs: None)
    package = "redis-server" if kind is Redis else "rabbitmq-server"
    with pytest.raises(ServerMissing, match=f"apt-get install {package}"):
        kind()
