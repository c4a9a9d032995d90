"""The load: runs in a pod with Python alone, and requests predictions until its standard input ends.

Its argument is JSON: `host`, `path`, `body`, the number of `clients`, and the `rate` in requests/s of all clients
together; without a rate, each client sends the next request right after the answer. Half of the clients open a
connection for each request, the others keep theirs. Each second, it prints the number of each answer until then.
"""

import http.client
import json
import random
import sys
import threading
from collections import Counter
from typing import Any

TIMEOUT = 10
over = threading.Event()


def ask(settings: dict[str, Any], keeps_connection: bool, counts: Counter[str]) -> None:
    """Send requests until the end; count the status of each answer, or the error."""
    pause = settings["clients"] / settings["rate"] if settings["rate"] else 0
    connection: http.client.HTTPConnection | None = None
    while not over.wait(random.uniform(0, 2 * pause)):
        connection = connection or http.client.HTTPConnection(settings["host"], timeout=TIMEOUT)
        try:
            connection.request("POST", settings["path"], settings["body"], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            counts[str(answer.status)] += 1
            is_open = keeps_connection and not answer.will_close
        except (OSError, http.client.HTTPException) as error:
            counts[type(error).__name__] += 1
            is_open = False
        if not is_open:
            connection.close()
            connection = None


def wait_for_the_end() -> None:
    sys.stdin.read()
    over.set()


def main() -> None:
    settings = json.loads(sys.argv[1])
    counts: list[Counter[str]] = [Counter() for _ in range(settings["clients"])]
    threads = [
        threading.Thread(target=ask, args=(settings, bool(number % 2), counts[number]))
        for number in range(settings["clients"])
    ]
    for thread in threads:
        thread.start()
    threading.Thread(target=wait_for_the_end).start()
    while not over.wait(1):
        print(json.dumps(sum(counts, Counter())), flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps(sum(counts, Counter())), flush=True)


if __name__ == "__main__":
    main()
