"""The Holding Pen over HTTP, on this machine alone, until Ctrl-C."""

from __future__ import annotations

import errno
import logging
import signal
import socket

import click
from flask import Flask, url_for
from werkzeug.serving import make_server

from .people import with_new_passwords

HOST = "127.0.0.1"
USUAL = 5000
"""The port when none is asked for; a free one where another program has it."""


def listen(port: int | None) -> socket.socket:
    """Take a port before anything else is done.

    :raises click.ClickException: if the port that was asked for is taken.
    """
    try:
        return _listener(USUAL if port is None else port)
    except OSError as error:
        if port is not None or error.errno != errno.EADDRINUSE:
            raise click.ClickException(
                f"Port {USUAL if port is None else port} cannot be had "
                f"({error.strerror}); choose another with --port."
            ) from None
        return _listener(0)


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # of two at the same moment, this refuses one
    except OSError:
        listener.close()
        raise
    return listener


def serve(app: Flask, listener: socket.socket) -> None:
    """Print where the pen is and who may log in, and serve it."""
    with app.app_context():
        passwords = with_new_passwords()
    port = listener.getsockname()[1]
    # Each request would be a line, and push the passwords off the screen.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(HOST, port, app, threaded=True, fd=listener.fileno())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in _invitation(app, port, passwords):
            click.echo(line)
        server.serve_forever()
    except KeyboardInterrupt:  # it came before the server, which knows it too
        server.server_close()
    click.echo("\nThe Holding Pen is closed; what was accepted is kept.")


def _invitation(app: Flask, port: int, passwords: dict[str, str]) -> list[str]:
    with app.test_request_context(base_url=f"http://{HOST}:{port}"):
        address = url_for("holdingpen.index", _external=True)
    people = [
        f"  {name:<15}{click.style(password, bold=True)}"
        for name, password in passwords.items()
    ]
    return [
        "",
        click.style(f"The Holding Pen: {address}", bold=True),
        "Log in as one of these, with the password beside it (new at each start):",
        *people,
        "Ctrl-C ends it.",
    ]
