"""Two hundred patients press the same time at the same moment: over real connections, one has it."""

import re
import ssl
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx

from e2e.people import Person, export
from e2e.stack import Stack

PATIENTS = 200


def test_one_of_two_hundred_gets_the_slot(stack: Stack, tmp_path: Path) -> None:
    crowd = [Person(f"R{number}", "Alix", "", f"r{number}@mail.example") for number in range(PATIENTS)]
    practitioner = stack.json("status")["practitioners"][0]
    counts = stack.json("import", export(tmp_path / "crowd.csv", crowd, practitioner=practitioner))
    assert counts["enrolled"] == PATIENTS
    stack.advance("31m")
    mails = {one["to"]: one for one in stack.json("inbox") if one["channel"] == "email"}
    links = [mails[person.email]["links"][0] for person in crowd]
    slot = re.search(r'name="slot" value="([^"]+)"', httpx.get(links[0]).text)
    assert slot is not None
    start = Barrier(PATIENTS)
    # One for all: making one takes longer than a booking does.
    tls = ssl.create_default_context()

    def book(link: str) -> httpx.Response:
        assert httpx.get(link, verify=tls, timeout=60).status_code == 200
        start.wait()
        # On a connection of its own: one that waited for the slowest page may have been closed meanwhile.
        return httpx.post(f"{link}/book", data={"slot": slot[1]}, verify=tls, timeout=60)

    with ThreadPoolExecutor(PATIENTS) as pool:
        answers = list(pool.map(book, links))
    assert Counter(answer.status_code for answer in answers) == {303: 1, 409: PATIENTS - 1}
    losers = [answer.text for answer in answers if answer.status_code == 409]
    assert all('name="slot"' in page and slot[1] not in page for page in losers)
    assert len(stack.json("bookings", "--since", "2026-11-01")) == 1
