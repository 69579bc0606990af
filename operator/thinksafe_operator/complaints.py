"""Warning events about our Jobs and pods that tell what their own status does not, as the watch of events tells them.

They are watched, not asked for: the API server reads all events of a namespace to find those of one object, so that
asking would cost it the more, the more runs there are.
"""

from thinksafe_operator import failures, names, parse
from thinksafe_operator.children import GATHER_SECONDS, Jobs, Pods
from thinksafe_operator.queue import Queue

Warned = tuple[float, str, str]  # when last (Unix seconds), reason, message


class Complaints:
    """What is known of the objects of one kind; forgotten when Kubernetes forgets the event (after an hour).

    News go to the queue through `owners`, the cache of these objects. An object that it does not have yet, since two
    watches are not in step, will tell of itself when it comes.
    """

    def __init__(self, queue: Queue, owners: Jobs | Pods) -> None:
        self._queue, self._owners = queue, owners
        self._known: dict[str, tuple[tuple[str, str], Warned]] = {}  # by the event's uid: the object, what is said
        self._of: dict[tuple[str, str], set[str]] = {}

    def of(self, namespace: str, name: str) -> list[Warned]:
        return [self._known[uid][1] for uid in self._of.get((namespace, name), ())]

    def put(self, raw: dict) -> None:
        about, uid = raw["involvedObject"], raw["metadata"]["uid"]
        if raw.get("reason") not in failures.TELLING or not names.is_of_a_job(about["name"]):
            return
        place, warned = (about["namespace"], about["name"]), parse.warning(raw)
        before = self._known.get(uid)
        self._known[uid] = (place, warned)
        self._of.setdefault(place, set()).add(uid)
        key = self._owners.key_of(about.get("uid", ""))
        if key and (before is None or before[1][1:] != warned[1:]):  # said again is no news
            self._queue.add_later(key, GATHER_SECONDS)

    def drop(self, raw: dict) -> None:
        self._remove(raw["metadata"]["uid"])

    def keep(self, uids: set[str], namespace: str | None) -> None:
        gone = [u for u, (place, _) in self._known.items() if u not in uids and namespace in (None, place[0])]
        for uid in gone:
            self._remove(uid)

    def _remove(self, uid: str) -> None:
        if (known := self._known.pop(uid, None)) is None:
            return
        of_it = self._of[known[0]]
        of_it.discard(uid)
        if not of_it:
            del self._of[known[0]]
