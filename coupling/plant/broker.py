"""Events from an MQTT broker, which keeps each message until it is stored (quality of service 1, a lasting session).

The broker is told that a message has arrived only when its event is in the store: a process that dies is sent it again,
and an event that comes twice is one. Needs paho-mqtt (extra `mqtt`); nothing here listens, it calls the broker.
"""

import os
import queue
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from kalander.coupling.plant.readers import LONGEST_LINE, PATIENCE, Item, decoded
from kalander.kernels.errors import Fault, InputError, StorageError

__all__ = ["PASSWORD", "messages"]

PASSWORD = "KALANDER_MQTT_PASSWORD"  # a variable of the environment: what stands on a command line is seen by all
PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEP_ALIVE = 30  # s
FIRST_ANSWER = 10.0  # s for which we wait for the broker at the start; later it may come and go


def messages(url: str, client_name: str = "kalander-thread") -> Iterator[Item | None]:
    """Items of a broker and topic, "mqtt://user@host:1883/plant/#"; None where nothing came for a while; no end.

    client_name: the broker keeps messages for it while it is away. Raises InputError (bad URL, paho-mqtt missing,
    refused by the broker), StorageError (no broker answers at the start).
    """
    try:
        import paho.mqtt.client as mqtt
    except ImportError:
        raise InputError(Fault("--mqtt", "paho-mqtt", "is not installed", "pip install 'kalander[mqtt]'")) from None
    host, port, topic, user, secure = _parts(url)
    waiting: queue.Queue[Any] = queue.Queue()
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=client_name, clean_session=False, manual_ack=True
    )  # fmt: skip
    if user:
        client.username_pw_set(user, os.environ.get(PASSWORD))
    if secure:
        client.tls_set()

    def connected(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        waiting.put(f"the broker refuses: {reason}" if reason.is_failure else True)
        if not reason.is_failure:
            client.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_message = lambda _client, _data, message: waiting.put(message)
    try:
        client.connect(host, port, keepalive=KEEP_ALIVE)
    except OSError as error:
        raise StorageError(f"{host}:{port}: no broker answers: {error.strerror or error}") from None
    client.loop_start()
    try:
        yield from _items(client, waiting, f"{host}:{port}")
    finally:
        client.disconnect()
        client.loop_stop()


def _items(client: Any, waiting: "queue.Queue[Any]", name: str) -> Iterator[Item | None]:
    """What comes, once the broker has let us in; it may go away and come back."""
    heard = False
    while True:
        try:
            came = waiting.get(timeout=PATIENCE if heard else FIRST_ANSWER)
        except queue.Empty:
            if not heard:
                raise StorageError(f"{name}: no broker answers within {FIRST_ANSWER:g} s") from None
            yield None
            continue
        if isinstance(came, str):
            raise InputError(Fault("--mqtt", name, came, f"a user of the broker; the password is ${PASSWORD}"))
        heard = True
        if came is not True:
            yield _item(client, came)


def _item(client: Any, message: Any) -> Item:
    def done() -> None:
        client.ack(message.mid, message.qos)

    if len(message.payload) > LONGEST_LINE:
        start = message.payload[:LONGEST_LINE].decode("utf-8", "backslashreplace")
        wrong = f"is longer than {LONGEST_LINE} bytes"
        return Item(start, message.topic, message.topic, wrong=wrong, done=done)
    return decoded(message.payload, message.topic, message.topic, done)


def _parts(url: str) -> tuple[str, int, str, str, bool]:
    """Host, port, topic, user and whether the line is encrypted. Raises InputError."""
    parts = urlsplit(url)
    allowed = "mqtt://USER@HOST:1883/TOPIC or mqtts://..., where the topic may end in #"
    try:
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    topic = (parts.path + ("#" if url.endswith("#") else "")).lstrip("/")
    if parts.scheme not in PORTS or not parts.hostname or not topic or not port:
        raise InputError(Fault("--mqtt", url, "is no broker and topic", allowed))
    if parts.password:
        raise InputError(Fault("--mqtt", "mqtt://USER:***@", "holds a password", f"put it into ${PASSWORD}"))
    return parts.hostname, port, topic, parts.username or "", parts.scheme == "mqtts"
