"""The closed list of reasons: every one has its group and its sentence."""

import re

import pytest

from thinksafe_operator import reasons
from thinksafe_operator.reasons import Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_word_with_a_sentence_that_says_what_to_do(reason):
    assert re.fullmatch(r"[A-Z][A-Za-z]+", reason)
    sentence = reasons.what_to_do(reason)
    assert sentence[0].isupper() and not sentence.endswith(".") and 10 < len(sentence) < 200


def test_each_is_in_one_group():
    groups = [set(members) for members in reasons._GROUPS.values()]
    assert set.union(*groups) == set(Reason) and sum(map(len, groups)) == len(Reason)


@pytest.mark.parametrize(
    ("group", "members"),
    {
        "terminal": "InvalidSpec BadUsage BadData BadSettings AccessDenied DeadlineExceeded PendingDeadlineExceeded",
        "human": "NameConflict ImagePullFailed ImageInvalid ConfigMissing PodForbidden QueueNotFound",
        "heals": "Unschedulable QuotaExceeded QuotaPending OutOfMemory OutOfDisk NoProgress StorageUnavailable "
        "DeviceFailed Disrupted JobDeleted WorkerCrashed",
        "state": "Pending Queued Running Suspended Resumed GatePassed NotEvaluated Complete NotStarted Retrying "
        "CacheHit Committed",
    }.items(),
)
def test_the_words_that_others_rely_on(group, members):
    assert {reasons.group(word) for word in members.split()} == {group}


def test_a_word_that_is_not_in_the_list_is_refused():
    with pytest.raises(ValueError, match="Whatever"):
        reasons.group("Whatever")
