"""Jobs run in slices, once, whatever is delivered twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.errors import Invalid, NotFound, Unauthenticated, Unavailable
from covey.identity.principal import GUEST, Kind, Principal
from covey.jobs.model import Fault, Job, Status
from covey.jobs.runner import AWAY_S, LEASE_MS, MAX_DELAY_S, Runner, Save
from covey.jobs.service import Jobs
from covey.testing.jobs import MemoryJobStore

ANN = Principal(Kind.USER, "ann")
BEN = Principal(Kind.USER, "ben")


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


class Sent:
    """A queue that only remembers."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        self.delays: list[int] = []

    def send(self, body: dict[str, object], delay_s: int = 0) -> None:
        self.bodies.append(body)
        self.delays.append(delay_s)


class House:
    def __init__(self) -> None:
        self.clock, self.queue, self.store = Clock(), Sent(), MemoryJobStore()
        self.jobs = Jobs(self.store, self.queue, now=self.clock)
        self.ran = 0

    def runner(self, work: Callable[[Job, Save, Callable[[], bool]], Job]) -> Runner:
        return Runner(self.store, self.queue, {"count": work}, now=self.clock)

    def count_to_three(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        while job.done < 3:
            self.ran += 1
            job = save(replace(job, done=job.done + 1))
            if not time_left():
                return job
        return save(replace(job, status=Status.DONE))


@pytest.fixture
def house() -> House:
    return House()


def test_a_job_runs_slice_by_slice_until_it_is_done(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})
    house.jobs.enqueue(job.id)
    runner = house.runner(house.count_to_three)
    delivered = 0
    while house.queue.bodies:
        house.queue.bodies.pop()
        delivered += 1
        runner.run(job.id, lambda: False)
    found = house.jobs.get(ANN, job.id)
    assert (found.status, found.done, delivered, house.ran) == (Status.DONE, 3, 4, 3)


def test_a_message_delivered_twice_does_the_work_once(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})

    def meanwhile(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        assert house.runner(house.count_to_three).run(job.id, lambda: True) is None
        return house.count_to_three(job, save, time_left)

    house.runner(meanwhile).run(job.id, lambda: True)
    assert house.runner(house.count_to_three).run(job.id, lambda: True) is None
    assert house.ran == 3


def test_a_runner_that_died_is_followed_by_another_when_its_lease_ends(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})

    def dies(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        save(replace(job, done=1))
        raise SystemExit

    with pytest.raises(SystemExit):
        house.runner(dies).run(job.id, lambda: True)
    assert house.runner(house.count_to_three).run(job.id, lambda: True) is None
    house.clock.ms += LEASE_MS + 1
    done = house.runner(house.count_to_three).run(job.id, lambda: True)
    assert done is not None
    assert (done.done, house.ran) == (3, 2)


def test_a_message_that_meets_a_lease_comes_back_when_it_has_ended(house: House) -> None:
    """A front that is killed hands its messages out again at once, long before the lease ends."""
    job = house.jobs.prepare(ANN, "count", {})

    def dies(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        raise SystemExit

    with pytest.raises(SystemExit):
        house.runner(dies).run(job.id, lambda: True)
    house.clock.ms += 1_500
    house.runner(house.count_to_three).run(job.id, lambda: True)
    assert house.queue.bodies == [{"job": job.id}]
    assert house.queue.delays == [(LEASE_MS - 1_500) // 1000 + 1]
    house.clock.ms += 1000 * house.queue.delays[0]
    done = house.runner(house.count_to_three).run(job.id, lambda: True)
    assert done is not None
    assert done.status is Status.DONE


def test_a_job_that_is_for_later_comes_back_then_and_not_before(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})
    later = house.clock.ms + 1_000_000  # more than a message can be held back

    def waits(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        if house.clock.ms < later:
            return save(replace(job, not_before=later))
        return house.count_to_three(job, save, time_left)

    house.runner(waits).run(job.id, lambda: True)
    assert house.queue.delays == [MAX_DELAY_S]
    house.clock.ms += 900_000
    assert house.runner(waits).run(job.id, lambda: True) is None
    assert (house.queue.delays[1:], house.ran) == ([101], 0)
    house.clock.ms += 101_000
    done = house.runner(waits).run(job.id, lambda: True)
    assert done is not None
    assert done.status is Status.DONE


def test_a_job_waits_while_the_database_is_away(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})

    def fails(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        save(replace(job, done=1))
        raise Unavailable

    assert house.runner(fails).run(job.id, lambda: True) is None
    assert (house.queue.bodies, house.queue.delays) == ([{"job": job.id}], [AWAY_S])
    found = house.jobs.get(ANN, job.id)
    assert (found.finished, found.done, found.lease) == (False, 1, 0)
    done = house.runner(house.count_to_three).run(job.id, lambda: True)
    assert done is not None
    assert (done.status, done.done) == (Status.DONE, 3)


def test_a_runner_that_lost_its_lease_saves_nothing_more(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})

    def slow(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        house.clock.ms += LEASE_MS + 1
        house.runner(house.count_to_three).run(job.id, lambda: True)
        return save(replace(job, done=99))

    assert house.runner(slow).run(job.id, lambda: True) is None
    assert house.jobs.get(ANN, job.id).done == 3


def test_a_refused_job_fails_with_the_reason_and_a_broken_one_comes_back(house: House) -> None:
    def refuses(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        raise Invalid("The first line must name every column.")

    def breaks(job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        raise ConnectionError

    refused = house.jobs.prepare(ANN, "count", {})
    house.runner(refuses).run(refused.id, lambda: True)
    found = house.jobs.get(ANN, refused.id)
    assert (found.status, found.error) == (Status.FAILED, "The first line must name every column.")
    broken = house.jobs.prepare(ANN, "count", {})
    with pytest.raises(ConnectionError):
        house.runner(breaks).run(broken.id, lambda: True)
    assert not house.jobs.get(ANN, broken.id).finished


def test_only_its_owner_and_administrators_see_a_job(house: House) -> None:
    job = house.jobs.prepare(ANN, "count", {})
    admin = Principal(Kind.ADMINISTRATOR, "root")
    assert house.jobs.get(ANN, job.id).id == house.jobs.get(admin, job.id).id == job.id
    assert house.jobs.list(BEN) == []
    for who in (BEN, GUEST):
        with pytest.raises(NotFound):
            house.jobs.get(who, job.id)
    with pytest.raises(Unauthenticated):
        house.jobs.prepare(GUEST, "count", {})
    with pytest.raises(NotFound):
        house.jobs.list(BEN, system=True)


def test_a_slot_runs_once_and_again_only_if_it_did_not_finish(house: House) -> None:
    first = house.jobs.once("sweep", "2026-01-01T00:00:00.000Z")
    assert first is not None
    retried = house.jobs.once("sweep", "2026-01-01T00:00:00.000Z")
    assert retried is not None
    house.jobs.finish(retried, {"deleted": 2})
    assert house.jobs.once("sweep", "2026-01-01T00:00:00.000Z") is None
    assert house.jobs.once("sweep", "2026-01-01T00:01:00.000Z") is not None
    assert house.jobs.runs("sweep", 5)[-1].result == {"deleted": 2}


def test_the_report_keeps_the_first_faults_and_counts_go_on() -> None:
    job = Job("1", "import", ANN.scope)
    faults = [Fault(row, "bad", "bad") for row in range(500)]
    assert len(job.advanced(faults, failed=500).report) == 200
    assert job.advanced(faults, failed=500).failed == 500


def test_runs_by_the_clock_are_listed_apart_and_together_for_administrators(house: House) -> None:
    admin = Principal(Kind.ADMINISTRATOR, "root")
    for minute in range(3):
        house.clock.ms += 60_000
        house.jobs.once("sweep", f"2026-01-01T00:0{minute}:00.000Z")
    house.jobs.once("statistics", "2026-01-01T03:15:00.000Z")
    assert [run.kind for run in house.jobs.runs("statistics", 5)] == ["statistics"]
    assert len(house.jobs.list(admin, system=True)) == 4
    assert house.jobs.list(admin, system=True)[0].created == house.clock.ms
    assert house.jobs.list(admin) == []
