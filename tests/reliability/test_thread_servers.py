"""The thread with real servers: an MQTT broker that restarts, PostgreSQL. Each is started by the test, and skipped with
a reason where it is not installed.
"""

import getpass
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from loops import write_mill

import kalander.runs as kal
from kalander.coupling.plant.event import event_of
from kalander.coupling.plant.store import Counts, PlantStore, Rejected
from kalander.twin.thread.lineage import lineage, overview, table

COMMAND = [sys.executable, "-m", "kalander.runs.cli", "thread"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, seconds=60.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.1)


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def event(number, **changes):
    return {"kind": "pass", "name": f"P-{number}", "time": "2026-11-30T08:00:00Z",
            "values": {"porosity": 0.3 + 1e-4 * number}, **changes}  # fmt: skip


class Broker:
    """A mosquitto that keeps its messages while it is away."""

    def __init__(self, program, folder):
        self.program, self.port, self.process = program, free_port(), None
        self.file = folder / "mosquitto.conf"
        self.file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nuser {getpass.getuser()}\n"
        )
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, "-c", self.file], stderr=subprocess.DEVNULL)
        wait_for(lambda: answers(self.port))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture
def broker(tmp_path):
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed (Debian package mosquitto)")
    pytest.importorskip("paho.mqtt")
    one = Broker(program, tmp_path)
    yield one
    one.stop()


def publish(port, payloads, topic="plant/line2"):
    import paho.mqtt.client as mqtt

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish(topic, payload, qos=1).wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def listen(path, broker, idle="3 s"):
    return subprocess.Popen(
        [*COMMAND, "ingest", path, "--mqtt", f"mqtt://127.0.0.1:{broker.port}/plant/#", "--idle", idle, "--json"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_messages_survive_duplicates_rubbish_a_kill_and_a_restart_of_the_broker(broker, tmp_path):
    path = tmp_path / "plant.db"
    with PlantStore(path, create=True) as store:
        first = listen(path, broker, idle="600 s")
        payloads = [json.dumps(event(number)) for number in range(20)]
        hostile = [
            "{",
            "",
            "[" * 50_000,
            json.dumps(event(1, values={"porosity": 7})),
            "\udcff",
            "'; DROP TABLE event;",
        ]
        wait_for(lambda: subscribed(broker, store))
        publish(broker.port, [*payloads, *(one.encode("utf-8", "replace") for one in hostile), *payloads])
        wait_for(lambda: overview(store)["events"] == 21)
        first.kill()
        first.wait()
        publish(broker.port, [json.dumps(event(number)) for number in range(20, 40)])  # nobody listens
        wait_for(lambda: (broker.file.parent / "mosquitto.db").exists())
        broker.stop()
        broker.start()
        second = listen(path, broker)
        told = json.loads(second.communicate(timeout=60)[0])
        found = overview(store)
    assert told["quarantined"] == 0
    assert found["events"] == 41
    assert found["quarantined"] == len(hostile)
    assert all("plant/line2" in one["where"] for one in found["quarantine"])


def subscribed(broker, store):
    """Publish a first event until the listener has stored it: only then is its session at the broker."""
    publish(broker.port, [json.dumps(event(0, name="P-first"))])
    return overview(store)["events"] == 1


def test_a_broker_that_is_not_there_is_told(tmp_path):
    pytest.importorskip("paho.mqtt")
    path = tmp_path / "plant.db"
    PlantStore(path, create=True).close()
    done = subprocess.run(
        [*COMMAND, "ingest", path, "--mqtt", f"mqtt://127.0.0.1:{free_port()}/plant"], stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 74
    assert "no broker answers" in done.stderr


@pytest.fixture
def postgres(tmp_path_factory):
    """URL of an empty PostgreSQL, which does not run as root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    if not programs[-1].is_file():
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    pytest.importorskip("pg8000")
    user = {}
    folder = Path(f"/tmp/kalander-postgres-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        try:
            user = {"user": pwd.getpwnam("nobody").pw_uid}
        except KeyError:
            pytest.skip("PostgreSQL refuses to run as root, and there is no other user")
        os.chown(folder, user["user"], -1)
    port, quiet = free_port(), {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
    bin_folder = programs[-1].resolve().parent
    subprocess.run([programs[-1], "-D", folder / "data", "-U", "plant", "-A", "trust", "-N"], check=True, **quiet)
    server = subprocess.Popen(
        [bin_folder / "postgres", "-D", folder / "data", "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"], **quiet
    )
    try:
        wait_for(lambda: answers(port))
        yield f"postgresql+pg8000://plant@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def test_postgresql_holds_what_sqlite_holds(postgres, tmp_path):
    given = [event(number, parents=[f"drying:D-{number // 5}"]) for number in range(50)]
    given.append({**event(0), "kind": "drying", "name": "D-3", "values": {"drying_temperature": "90 degC"}})
    events = [event_of(one, "plant")[0] for one in given]
    found = []
    for url in (postgres, tmp_path / "plant.db"):
        with PlantStore(url, create=True) as store:
            assert store.add(events, [Rejected("a\x00\ud800", "here", "why")]) == Counts(51, 0, 1)
            assert store.add(events) == Counts(0, 51, 0)
        with PlantStore(url) as store:
            told = overview(store)
            found.append((table(store, "pass"), lineage(store, "pass:P-17"), {**told, "store": "", "quarantine": []}))
    assert found[0] == found[1]
    with PlantStore(postgres) as store:
        several = [
            threading.Thread(target=store.add, args=([event_of(event(n), "b")[0] for n in range(100)],))
            for _ in range(4)
        ]
        for one in several:
            one.start()
        for one in several:
            one.join()
        assert overview(store)["events"] == 151


def test_a_loop_on_postgresql_goes_on_as_one_in_memory(postgres, tmp_path):
    """Half of its trials by one call, the rest by another: trials, their passes, and the next suggestion."""
    pytest.importorskip("sklearn")
    write_mill(tmp_path)
    mill = {"closure": kal.Closure.load(tmp_path / "closure.h5"), "case": tmp_path / "case.toml"}
    kal.loop("nmc111", 4, **mill, store=postgres).close()
    free = kal.loop("nmc111", 8, **mill)
    with kal.loop("nmc111", 8, **mill, store=postgres) as kept:
        assert kept.rows() == free.rows()
        assert kept.suggest() == free.suggest()
    with PlantStore(postgres) as store:
        assert overview(store)["events"] == sum(one.outcomes is not None for one in free.trials)
