from __future__ import annotations

import threading

from gateway.service.slots import Slots

LIMIT = 30.0


def test_no_more_than_so_many_at_a_time() -> None:
    slots, lock, inside, most = Slots(3, overdue=LIMIT), threading.Lock(), [0], [0]

    def work() -> None:
        for _ in range(50):
            with slots.place():
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                with lock:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert 3 >= most[0] >= 1


def test_whoever_is_overdue_is_not_counted() -> None:
    slots, leave = Slots(1, overdue=0.05), threading.Event()

    def hang() -> None:
        with slots.place():
            leave.wait(LIMIT)

    hanging = threading.Thread(target=hang)
    hanging.start()
    try:
        for _ in range(2):
            with slots.place():
                assert hanging.is_alive()
    finally:
        leave.set()
        hanging.join(LIMIT)


def test_a_place_is_given_back_whatever_happens() -> None:
    slots = Slots(1, overdue=LIMIT)
    for _ in range(3):
        try:
            with slots.place():
                raise KeyError
        except KeyError:
            pass
    with slots.place():
        pass
