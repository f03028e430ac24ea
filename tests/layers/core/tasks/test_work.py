"""Tasks: attempts, back-off, time-outs, cancelling, and what is given up."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from covey.errors import Conflict, Forbidden, Invalid, NotFound
from covey.jobs.model import Job, Status
from covey.jobs.runner import LEASE_MS
from covey.tasks.lines import FIRST, LAST, Lines
from covey.tasks.ports import Due, Held
from covey.tasks.registry import Registry, loaded
from covey.tasks.running import GiveUp, running
from covey.tasks.service import WATCH_MS, Order
from covey.tasks.work import FIRST_WAIT_MS, LONGEST_WAIT_MS, wait_ms
from tests.layers.core.schedules.house import ANN, MINUTE, ROOT, House


@pytest.fixture
def house() -> House:
    return House()


def job_of(house: House, job_id: str) -> Job:
    return house.jobs.get(ROOT, job_id)


def later(house: House) -> None:
    """Let the time of every delayed message come."""
    house.clock.ms += 1000 * max((delay for _, delay in house.queue.sent), default=0)
    house.queue.sent = [(body, 0) for body, _ in house.queue.sent]


def test_a_task_runs_with_its_arguments_and_keeps_what_it_returned(house: House) -> None:
    job_id = house.tasks.enqueue("note", {"what": {"n": [1, None]}})
    assert house.queue.sent == [({"job": job_id, "lane": "normal"}, 0)]
    assert house.kept.due(house.clock.ms + 10 * MINUTE, 10) == []
    house.work()
    done = job_of(house, job_id)
    assert (done.status, done.attempt, house.did) == (Status.DONE, 1, [{"n": [1, None]}])
    assert done.result == {"returned": {"n": [1, None]}}
    assert done.ended >= done.started > 0


def test_numbers_arrive_as_the_standard_library_reads_them(house: House) -> None:
    job_id = house.tasks.enqueue("note", {"what": [{"a": 0.5}, Decimal("1.25"), 3]})
    house.work()
    assert [type(one) for one in house.did[0]] == [dict, float, int]
    assert house.did == [[{"a": 0.5}, 1.25, 3]]
    assert isinstance(house.did[0][0]["a"], float)
    assert job_of(house, job_id).detail["arguments"]["what"][1] == Decimal("1.25")


def test_what_cannot_be_kept_of_a_result_is_left_out(house: House) -> None:
    house.registry.task("odd")(lambda: object())
    house.registry.task("long")(lambda: "x" * 50_000)
    odd, long = (house.tasks.enqueue(name, {}) for name in ("odd", "long"))
    house.work()
    for job_id in (odd, long):
        assert job_of(house, job_id).result == {"returned": None}
        assert job_of(house, job_id).status is Status.DONE


def test_a_task_that_fails_comes_back_later_and_later_and_is_then_given_up(house: House) -> None:
    tried: list[int] = []

    @house.registry.task("fails", retries=2)
    def fails() -> None:
        tried.append(running().attempt)
        raise ValueError(f"no {len(tried)}")

    job_id, neighbour = house.tasks.enqueue("fails", {}), house.tasks.enqueue("note", {})
    house.work()
    waiting = job_of(house, job_id)
    assert (waiting.status, waiting.error) == (Status.WAITING, "ValueError: no 1")
    assert waiting.not_before == house.clock.ms + FIRST_WAIT_MS
    assert job_of(house, neighbour).status is Status.DONE
    house.work()
    assert tried == [1]
    for _ in range(3):
        later(house)
        house.work()
    failed = job_of(house, job_id)
    assert (tried, failed.status, failed.error) == ([1, 2, 3], Status.FAILED, "ValueError: no 3")
    assert [line.split(" ", 2)[2] for line in failed.log] == [
        f"ValueError: no {n}" for n in (1, 2, 3)
    ]
    assert [job.id for job in house.tasks.given_up(ROOT)] == [job_id]


@pytest.mark.parametrize(
    ("error", "told"),
    [(GiveUp("no such file"), "GiveUp: no such file"), (SystemExit(3), "SystemExit: 3")],
)
def test_what_no_attempt_helps_is_given_up_at_once(
    house: House, error: BaseException, told: str
) -> None:
    @house.registry.task("fails", retries=0)
    def fails() -> None:
        raise error

    job_id = house.tasks.enqueue("fails", {})
    house.work()
    assert (job_of(house, job_id).status, job_of(house, job_id).error) == (Status.FAILED, told)


def test_poison_is_given_up_with_the_reason_and_neighbours_pass(house: House) -> None:
    misfit = house.tasks.enqueue("note", {"nothing": 1})
    house.registry.task("gone")(lambda: None)
    gone = house.tasks.enqueue("gone", {})
    del house.registry.tasks["gone"]
    good = house.tasks.enqueue("note", {"what": 1})
    house.work()
    assert "unexpected keyword argument 'nothing'" in job_of(house, misfit).error
    assert job_of(house, gone).error == "There is no task called gone."
    assert job_of(house, good).status is Status.DONE
    assert {job.id for job in house.tasks.given_up(ROOT)} == {misfit, gone}


def test_a_module_that_cannot_be_imported_says_so_in_every_task(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "broken_tasks.py").write_text("import nothing_of_this_name")
    monkeypatch.syspath_prepend(str(tmp_path))
    fault = loaded("broken_tasks").fault
    assert fault.startswith("broken_tasks cannot be imported: ModuleNotFoundError")
    assert loaded("there.is_none").fault == ""
    house.registry.fault = fault
    job_id = house.tasks.enqueue("note", {})
    del house.registry.tasks["note"]
    house.work()
    assert job_of(house, job_id).error == fault


def test_waits_double_up_to_an_hour_and_half_of_each_is_drawn() -> None:
    whole = [wait_ms(attempt, lambda: 1.0) for attempt in range(1, 12)]
    assert whole[:3] == [10_000, 20_000, 40_000]
    assert whole[-1] == LONGEST_WAIT_MS
    assert wait_ms(3, lambda: 0.0) == 20_000
    assert wait_ms(10**9) <= LONGEST_WAIT_MS


def test_a_task_whose_runner_dies_is_begun_again_under_its_id_and_given_up_at_last(
    house: House,
) -> None:
    @house.registry.task("deadly", retries=1)
    def deadly() -> None: ...

    job_id = house.tasks.enqueue("deadly", {})
    house.queue.take()
    for attempt in (1, 2):  # as a process that ends leaves it
        known = job_of(house, job_id)
        lease = house.clock.ms + LEASE_MS
        house.store.save(known, replace(known, status=Status.RUNNING, attempt=attempt, lease=lease))
        house.clock.ms += LEASE_MS
    house.runner.run(job_id, lambda: True)
    found = job_of(house, job_id)
    assert (found.status, found.error) == (
        Status.FAILED,
        "Its runner ended before it did, 2 times.",
    )
    assert [job.id for job in house.tasks.given_up(ROOT)] == [job_id]


def test_a_task_over_its_time_is_stopped_and_tried_again(house: House) -> None:
    stopped = threading.Event()

    @house.registry.task("slow", timeout=0.1, retries=1)
    def slow() -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            stopped.set()

    job_id = house.tasks.enqueue("slow", {})
    house.work()
    assert stopped.wait(5)
    found = job_of(house, job_id)
    assert (found.status, found.error) == (
        Status.WAITING,
        "TimedOut: It was not done in 0.1 seconds.",
    )


def test_a_running_task_shows_what_it_says_and_how_far_it_is(house: House) -> None:
    seen: list[Job] = []

    @house.registry.task("long")
    def long() -> None:
        running().log("one\ntwo")
        logging.getLogger("team.somewhere").warning("three")
        running().progress(3, 4)
        end = time.monotonic() + 5
        while not seen and time.monotonic() < end:
            found = job_of(house, running().id)
            if found.total:
                seen.append(found)
            time.sleep(0.005)

    job_id = house.tasks.enqueue("long", {})
    house.work()
    (shown,) = seen
    assert (shown.status, shown.progress, shown.done) == (Status.RUNNING, 0.75, 3)
    assert [line.split(" ", 1)[1] for line in shown.log] == [
        "INFO one",
        "INFO two",
        "WARNING three",
    ]
    assert shown.lease > house.clock.ms
    assert job_of(house, job_id).status is Status.DONE


def test_logs_of_others_are_not_a_tasks(house: House) -> None:
    @house.registry.task("quiet")
    def quiet() -> None:
        other = threading.Thread(target=lambda: logging.getLogger("x").warning("from elsewhere"))
        other.start()
        other.join()

    job_id = house.tasks.enqueue("quiet", {})
    house.work()
    assert job_of(house, job_id).log == ()


def test_lines_are_bounded() -> None:
    lines = Lines(lambda: 0)
    for number in range(1_000):
        lines.add(f"{number} " + "x" * 2_000)
    kept = lines.kept()
    assert len(kept) == FIRST + LAST + 1
    assert {len(line.encode()) for line in kept} == {300, len(kept[FIRST].encode())}
    assert kept[FIRST] == "… 900 lines more"
    assert " 999 " in kept[-1]
    lines.add("\U0001f426" * 1_000)
    assert len(lines.kept()[-1].encode()) <= 300


def test_an_error_that_cannot_be_written_down_is_given_up_like_any_other(house: House) -> None:
    @house.registry.task("fails", retries=0)
    def fails() -> None:
        running().log("\ud800")
        raise ValueError("\ud800" + "\U0001f426" * 5_000)

    job_id = house.tasks.enqueue("fails", {})
    house.work()
    found = job_of(house, job_id)
    assert found.error.startswith("ValueError: ?")
    assert len(found.error.encode()) <= 2_000
    assert found.log[0].endswith("INFO ?")


def test_a_task_goes_on_while_the_database_is_away_for_a_moment(house: House) -> None:
    from covey.errors import Unavailable

    saves, save = [0], house.store.save

    def away(before: Job, after: Job) -> Job | None:
        saves[0] += 1
        if saves[0] in (3, 4):
            raise Unavailable
        return save(before, after)

    house.store.save = away  # type: ignore[method-assign]

    @house.registry.task("long")
    def long() -> None:
        end = time.monotonic() + 5
        while saves[0] < 6 and time.monotonic() < end:
            time.sleep(0.005)

    job_id = house.tasks.enqueue("long", {})
    house.work()
    found = job_of(house, job_id)
    assert (found.status, found.attempt) == (Status.DONE, 1)


# ---- cancelling


def test_a_cancelled_task_that_waits_never_runs(house: House) -> None:
    job_id = house.tasks.enqueue("note", {})
    assert house.jobs.cancel(ROOT, job_id).status is Status.CANCELLED
    house.work()
    assert (house.did, job_of(house, job_id).status) == ([], Status.CANCELLED)


def test_a_cancelled_task_that_runs_is_stopped(house: House) -> None:
    stopped: list[str] = []

    @house.registry.task("endless")
    def endless() -> None:
        house.jobs.cancel(ROOT, running().id)
        try:
            while True:
                time.sleep(0.005)
        except Exception as error:  # noqa: BLE001
            stopped.append(type(error).__name__)

    job_id = house.tasks.enqueue("endless", {})
    house.work()
    assert (stopped, job_of(house, job_id).status) == (["Cancelled"], Status.CANCELLED)
    assert house.tasks.given_up(ROOT) == []


def test_of_cancelling_and_finishing_one_wins(house: House) -> None:
    @house.registry.task("quick")
    def quick() -> None:
        house.jobs.cancel(ROOT, running().id)  # and ends before anybody looks

    job_id = house.tasks.enqueue("quick", {})
    house.work()
    assert job_of(house, job_id).status is Status.CANCELLED
    done = house.tasks.enqueue("note", {})
    house.work()
    with pytest.raises(Conflict) as refused:
        house.jobs.cancel(ROOT, done)
    assert refused.value.code == "job_finished"
    assert job_of(house, done).status is Status.DONE


def test_only_its_owner_and_administrators_cancel_a_job(house: House) -> None:
    own = house.jobs.prepare(ANN, "import", {})
    other = house.tasks.enqueue("note", {})
    with pytest.raises(NotFound):
        house.jobs.cancel(ANN, other)
    assert house.jobs.cancel(ANN, own.id).status is Status.CANCELLED
    house.jobs.begin("removal", "removal-1", {})
    with pytest.raises(Conflict) as refused:
        house.jobs.cancel(ROOT, "removal-1")
    assert refused.value.code == "job_must_end"


# ---- queueing


@pytest.mark.parametrize(
    ("task", "arguments", "order", "field"),
    [
        ("unknown", {}, Order(), "task"),
        ("note", {"what": object()}, Order(), "arguments"),
        ("note", {"what": float("nan")}, Order(), "arguments"),
        ("note", {"what": "\ud800"}, Order(), "arguments"),
        ("note", {"what": "x" * 40_000}, Order(), "arguments"),
        ("note", {}, Order(priority="urgent"), "priority"),
        ("note", {}, Order(delay=-1), "delay"),
        ("note", {}, Order(delay=float("inf")), "delay"),
        ("note", {}, Order(delay=float("nan")), "delay"),
        ("note", {}, Order(delay=400 * 86_400), "delay"),
    ],
)
def test_what_could_never_run_is_refused_and_nothing_kept(
    house: House, task: str, arguments: dict[str, Any], order: Order, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        house.tasks.enqueue(task, arguments, order)
    assert (refused.value.code, refused.value.errors[0].field) == ("invalid_task", field)
    assert (house.queue.sent, house.kept.due(10**15, 9)) == ([], [])


@pytest.mark.parametrize("priority", ["high", "normal", "low"])
def test_each_priority_has_its_lane(house: House, priority: str) -> None:
    job_id = house.tasks.enqueue("note", {}, Order(priority=priority))
    assert house.queue.take() == [{"job": job_id, "lane": priority}]


def test_a_short_delay_is_the_queues_and_a_long_one_the_ticks(house: House) -> None:
    short = house.tasks.enqueue("note", {"what": 1}, Order(delay=900))
    long = house.tasks.enqueue("note", {"what": 2}, Order(delay=3600))
    assert house.queue.sent == [({"job": short, "lane": "normal"}, 900)]
    assert house.tasks.send_due(lambda: True) == 0
    house.clock.ms += 3600 * 1000
    assert house.tasks.send_due(lambda: True) == 1
    assert house.tasks.send_due(lambda: True) == 0
    assert house.queue.sent[1:] == [({"job": long, "lane": "normal"}, 0)]
    house.work()
    assert house.did == [2]


def test_no_task_runs_before_its_delay_is_over_whatever_is_sent(house: House) -> None:
    job_id = house.tasks.enqueue("note", {}, Order(delay=100))
    house.runner.run(job_id, lambda: True)
    assert (house.did, house.queue.sent[-1][1]) == ([], 101)


def test_of_one_key_one_task_is_under_way(house: House) -> None:
    first = house.tasks.enqueue("note", {"what": 1}, Order(unique="k"))
    assert house.tasks.enqueue("note", {"what": 2}, Order(unique="k")) == first
    other = house.tasks.enqueue("note", {"what": 3}, Order(unique="l"))
    house.registry.task("other")(lambda: None)
    assert house.tasks.enqueue("other", {}, Order(unique="k")) not in (first, other)
    house.work()
    again = house.tasks.enqueue("note", {"what": 4}, Order(unique="k"))
    assert again != first
    house.jobs.cancel(ROOT, again)
    assert house.tasks.enqueue("note", {"what": 5}, Order(unique="k")) != again
    house.work()
    assert house.did == [1, 3, 5]


def test_a_key_whose_task_was_never_made_is_free_after_a_while(house: House) -> None:
    gone = Job("gone", "task", "system:task.note")
    assert house.tasks.claim("note\0k", gone, house.clock.ms + 10**9) == "gone"
    assert house.tasks.enqueue("note", {}, Order(unique="k")) == "gone"
    house.clock.ms += WATCH_MS
    assert house.tasks.enqueue("note", {}, Order(unique="k")) != "gone"


def test_a_key_ends_when_its_time_has_passed(house: House) -> None:
    first = house.tasks.enqueue("note", {}, Order(unique="k"))
    house.clock.ms += 86_400_000
    assert house.tasks.enqueue("note", {}, Order(unique="k")) == first
    house.clock.ms += 1
    assert house.tasks.enqueue("note", {}, Order(unique="k")) != first
    assert house.kept.holder("nobody") is None
    assert Held("a", 1, 2) != Held("b", 1, 2)


def test_a_message_that_was_not_sent_is_made_up_for(house: House) -> None:
    class Away:
        def send(self, _body: object, _delay_s: int = 0) -> None:
            raise ConnectionError

    broken = house.tasks_of(house.clock)
    broken._queue = Away()  # type: ignore[assignment]
    with pytest.raises(ConnectionError):
        broken.enqueue("note", {"what": "late"})
    house.clock.ms += WATCH_MS
    assert house.tasks.send_due(lambda: True) == 1
    house.work()
    assert house.did == ["late"]


def test_a_note_of_a_job_that_was_never_made_does_no_harm(house: House) -> None:
    house.kept.plan(Due(house.clock.ms, "nothing"))
    assert house.tasks.send_due(lambda: True) == 1
    house.work()
    assert house.tasks.send_due(lambda: True) == 0


# ---- what was given up


def test_what_was_given_up_runs_again_under_its_id_or_is_dropped(house: House) -> None:
    fail = [True]

    @house.registry.task("flaky", retries=0)
    def flaky() -> str:
        house.did.append(running().id)
        if fail[0]:
            raise OSError("away")
        return "there"

    one, two = house.tasks.enqueue("flaky", {}), house.tasks.enqueue("flaky", {})
    house.work()
    assert {job.id for job in house.tasks.given_up(ROOT)} == {one, two}
    fail[0] = False
    assert house.tasks.again(ROOT, one).status is Status.WAITING
    with pytest.raises(Conflict):
        house.tasks.again(ROOT, one)
    house.tasks.drop(ROOT, two)
    assert house.tasks.given_up(ROOT) == []
    house.work()
    found = job_of(house, one)
    assert (found.status, found.attempt, found.error) == (Status.DONE, 1, "")
    assert house.did == [one, two, one]
    assert job_of(house, two).status is Status.FAILED


def test_only_administrators_see_what_was_given_up(house: House) -> None:
    for ask in (house.tasks.given_up, lambda who: house.tasks.again(who, "x")):
        with pytest.raises(Forbidden):
            ask(ANN)
    with pytest.raises(NotFound):
        house.tasks.again(ROOT, "unknown")


def test_a_job_that_breaks_four_times_is_given_up_too(house: House) -> None:
    from covey.jobs.runner import BROKEN_TIMES, Runner

    def breaks(*_: Any) -> Job:
        raise ZeroDivisionError

    runner = Runner(
        house.store,
        house.queue,
        {"import": breaks},
        now=house.clock,
        bury=lambda job: house.kept.bury(job.id, job.created),
    )
    job = house.jobs.prepare(ANN, "import", {})
    for _ in range(BROKEN_TIMES - 1):
        with pytest.raises(ZeroDivisionError):
            runner.run(job.id, lambda: True)
    assert runner.run(job.id, lambda: True) is None
    found = job_of(house, job.id)
    assert (found.status, found.error) == (
        Status.FAILED,
        "It broke 4 times, at last by ZeroDivisionError.",
    )
    assert [one.id for one in house.tasks.given_up(ROOT)] == [job.id]


# ---- the registry


def test_functions_become_tasks_and_schedules() -> None:
    registry = Registry()

    @registry.schedule("0 9 * * 1-5", zone="Europe/Zurich")
    @registry.task(retries=5)
    def send_report() -> None: ...

    @registry.schedule("every 15 minutes", name="tidy", retries=1)
    def tidy_up() -> None: ...

    assert {name: task.retries for name, task in registry.tasks.items()} == {
        "send-report": 5,
        "tidy": 1,
    }
    assert [one.document for one in registry.schedules.values()] == [
        {
            "name": "send-report",
            "cron": "0 9 * * 1-5",
            "task": "send-report",
            "zone": "Europe/Zurich",
        },
        {"name": "tidy", "every": "15 minutes", "task": "tidy", "retries": 1},
    ]


@pytest.mark.parametrize(
    ("name", "options", "function"),
    [
        ("Big", {}, lambda: None),
        ("a b", {}, lambda: None),
        ("note", {}, lambda: None),
        ("t", {"retries": 11}, lambda: None),
        ("t", {"timeout": 0}, lambda: None),
        ("t", {"timeout": 271}, lambda: None),
        ("t", {}, lambda delay: None),
    ],
)
def test_what_can_be_no_task_is_refused_where_it_is_declared(
    house: House, name: str, options: dict[str, Any], function: Any
) -> None:
    with pytest.raises(ValueError, match=name):
        house.registry.task(name, **options)(function)
