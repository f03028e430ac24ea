"""Data out and in through the command line and real gateways, with kill -9 in the middle."""

from __future__ import annotations

import csv
import gzip
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import HOUSE, PASSWORD, ROOT, Running, User, extended_house, until
from tests.e2e.writers import everything

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ROWS = 6_000
COLLECTIONS = ("notes", "rows", "diaries", "users")


def gateway(folder: Path) -> Running:
    folder.mkdir()
    template, _ = extended_house(folder, visibility=5, attempts=100)
    return Running(folder, template, HOUSE / "collections").start()


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Running]:
    running = gateway(tmp_path / "first")
    yield running
    running.close()


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Running]:
    running = gateway(tmp_path / "second")
    yield running
    running.close()


def covey(running: Running, who: User, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as people give it."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "COVEY_URL": running.url, "COVEY_TOKEN": who.token},
        capture_output=True,
        text=True,
        timeout=300,
    )


def rows_file(path: Path, count: int = ROWS) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "text"])
        writer.writerows([number, f"'=row {number}"] for number in range(count))
    return path


def restarted(running: Running) -> None:
    before = running.family()
    running.crash()
    until(lambda: not [pid for pid in before if pid in running.leftovers()], "without orphans", 15)
    running.start()


def finished(who: User, job: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = who.http.get(f"/jobs/{job}").json()
        return told if told["status"] in {"done", "failed"} else None

    found = until(look, "through with the job", 200)
    assert found is not None
    return found


def test_files_go_in_and_out_by_the_command_line(first: Running, tmp_path: Path) -> None:
    ann = first.sign_up("ann@example.org")
    source = rows_file(tmp_path / "rows.csv", 700)
    with source.open("a") as file:
        file.write("many,x\r\n")
    taken = covey(first, ann, "import", "rows", str(source))
    assert taken.returncode == 1, taken.stderr
    assert "700 records in rows" in taken.stdout
    assert "row 701: number" in taken.stderr
    out = tmp_path / "out.csv"
    done = covey(first, ann, "export", "rows", "-o", str(out), "--fields", "number,text")
    assert (done.returncode, done.stdout) == (0, f"700 records in {out}\n"), done.stderr
    lines = out.read_text().splitlines()
    assert lines[0] == "id,number,text"
    assert sorted(int(line.split(",")[1]) for line in lines[1:]) == list(range(700))
    assert all(line.split(",")[2].startswith("'=row") for line in lines[1:])
    assert {path.name for path in tmp_path.iterdir()} >= {"rows.csv", "out.csv"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    refused = covey(first, ann, "export", "rows", "--filter", "number ==", "-o", str(out))
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: GET /records/rows/export")
    unknown = covey(first, ann, "export", "nothing", "-o", str(tmp_path / "n.jsonl"))
    assert (unknown.returncode, "No such collection" in unknown.stderr) == (1, True)


def test_an_export_outlives_kill_9_and_the_link_takes_ranges(
    first: Running, tmp_path: Path
) -> None:
    ann = first.sign_up("ann@example.org")
    assert covey(first, ann, "import", "rows", str(rows_file(tmp_path / "r.csv"))).returncode == 0
    job = ann.http.get("/records/rows/export?format=csv").json()["job"]["id"]
    until(lambda: ann.http.get(f"/jobs/{job}").json()["status"] != "waiting", "running")
    restarted(first)
    for pid in first.workers():
        first.kill(pid)
    done = finished(ann, job)
    assert (done["status"], done["done"]) == ("done", ROWS), done
    file = done["result"]["file"]
    whole = httpx.get(file["url"])
    assert (whole.status_code, len(whole.content)) == (200, file["size"])
    assert "rows.csv" in whole.headers["content-disposition"]
    tail = httpx.get(file["url"], headers={"Range": "bytes=-100"})
    assert (tail.status_code, tail.content) == (206, whole.content[-100:])
    table = list(csv.DictReader(whole.text.splitlines()))
    assert sorted(int(row["number"]) for row in table) == list(range(ROWS))
    assert httpx.get(file["url"].replace("signature=", "signature=0")).status_code == 403


def test_a_deployment_is_restored_as_it_was(
    first: Running, second: Running, tmp_path: Path
) -> None:
    root = first.administrator(first.token)
    ann = first.sign_up("ann@example.org", name="Ann")
    assert covey(first, ann, "import", "rows", str(rows_file(tmp_path / "r.csv"))).returncode == 0
    note = ann.http.post("/records/notes", json={"key": "first"}).json()
    for key in ("second", "third"):
        ann.http.patch(f"/records/notes/{note['id']}", json={"key": key})
    before = {name: everything(root, name) for name in COLLECTIONS}
    assert len(before["rows"]) == ROWS
    file = tmp_path / "all.backup.gz"
    made = covey(first, root, "backup", str(file))
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    digest = made.stdout.split()[-1]
    assert json.loads(gzip.decompress(file.read_bytes()).split(b"\n")[0])["covey-backup"] == 1
    second_try = covey(first, root, "backup", str(file))
    assert (second_try.returncode, "there already" in second_try.stderr) == (1, True)

    stand_in = second.administrator(second.token)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(file.read_bytes()[:-20])
    for arguments in (("restore", str(cut)), ("restore", str(file), "--sha256", "0" * 64)):
        refused = covey(second, stand_in, *arguments)
        assert refused.returncode == 1, refused.stdout
        assert everything(stand_in, "rows") == []
    with subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "restore", str(file), "--sha256", digest],
        cwd=ROOT,
        env={**os.environ, "COVEY_URL": second.url, "COVEY_TOKEN": stand_in.token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as restoring:
        job = until(lambda: _restore(stand_in), "restoring")
        until(lambda: stand_in.http.get(f"/jobs/{job}").json()["done"] > 0, "writing", 120)
        restoring.kill()
    restarted(second)
    # The stand-in has the e-mail of the backup's administrator, and makes way for them.
    until(lambda: signed_in(second, "root@example.org") == root.id, "restored that far", 200)
    back = second.sign_in("root@example.org", PASSWORD)
    done = finished(back, job)
    assert (done["status"], done["failed"]) == ("done", 0), done
    told = covey(second, back, "restore", str(file), "--sha256", digest)
    assert (told.returncode, "records restored" in told.stdout) == (0, True), told.stderr
    again = covey(second, back, "restore", str(file))
    assert (again.returncode, "wants an empty deployment" in again.stderr) == (1, True)
    assert second.sign_in("ann@example.org", PASSWORD).id == ann.id
    for name in COLLECTIONS:
        assert everything(back, name) == before[name], name
    assert back.http.get(f"/records/notes/{note['id']}").json()["version"] == 3
    clash = back.http.post("/records/notes", json={"key": "third"})
    assert (clash.status_code, clash.json()["code"]) == (409, "unique_violation")
    mine = {"filter": f"writer == '{ann.id}' && key == 'third'"}
    assert [one["id"] for one in back.http.get("/records/notes", params=mine).json()["items"]] == [
        note["id"]
    ]
    seventh = back.http.get("/records/rows", params={"filter": "number == 7"}).json()["items"]
    assert [one["text"] for one in seventh] == ["=row 7"]


def signed_in(running: Running, email: str) -> str:
    """The user's id."""
    time.sleep(1)  # sign-ins are counted
    with running.client() as guest:
        answer = guest.post("/auth/sign-in", json={"email": email, "password": PASSWORD})
    return str(answer.json()["user"]["id"]) if answer.status_code == 200 else ""


def _restore(who: User) -> str:
    jobs = who.http.get("/jobs").json()["items"]
    return next((one["id"] for one in jobs if one["kind"] == "restore" and one["done"] >= 0), "")
