"""The statement is in-toto's, says what the run's artifacts say, and is read strictly."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.analysis import samples
from unit.attestation.finished import COMMIT

from thinksafe.attestation import show, statement
from thinksafe.attestation.verify import Verified
from thinksafe.errors import DataError


@pytest.fixture(scope="session")
def document(adapter):
    return json.loads((adapter / "statement.json").read_text())


def refused(document) -> DataError:
    with pytest.raises(DataError) as caught:
        statement.read(document if isinstance(document, bytes) else json.dumps(document).encode(), "here")
    return caught.value


def leaves(node, path=()):
    """Every place in a document."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from leaves(child, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def test_it_is_an_in_toto_statement_and_says_all_that_the_adapter_is_made_from(document):
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://thinksafe.dev/attestation/adapter/v1"
    for subject in document["subject"]:
        assert len(subject["digest"]["sha256"]) == 64
    said = document["predicate"]
    assert said["run"] == {"name": "tiny", "namespace": "default", "uid": "1-2-3"}
    assert said["baseModel"] == {"name": "Qwen/Qwen3-8B", "revision": "main", "dtype": "bfloat16",
                                 "digest": {"gitCommit": COMMIT}}  # fmt: skip
    assert (said["guard"]["family"], said["guard"]["threshold"]) == ("tiny", 0.5)
    assert {"prompts", "responses-1", "scores-1", "dataset", "adapter"} <= said["data"]["artifacts"].keys()
    assert said["data"]["fingerprints"]["prompts/0"] == f"sha256:{'cd' * 32}"
    assert said["training"]["parameters"]["rank"] >= 1 and said["training"]["seed"] == 42
    assert said["versions"]["adapter"]["thinksafe"] and said["versions"]["adapter"]["torch"]
    assert {"low", "high"} <= said["metrics"][0].keys()
    assert said["gate"]["passed"] and said["gate"]["rules"]


def test_where_there_is_no_adapter_and_no_quorum_nothing_is_said_of_them(document):
    assert "adapter" not in document["predicate"]["generator"] and "quorum" not in document["predicate"]


def test_the_adapter_of_the_generator_and_the_guards_of_a_quorum_are_said():
    lora, guard = "e" * 64, {"name": "g", "revision": None, "dtype": "auto", "fingerprint": f"sha256:{'ab' * 32}"}
    student = {"name": "s", "revision": None, "dtype": "auto", "fingerprint": f"hub:s@{COMMIT}"}
    lineage = {
        "model": student,
        "generator": {**student, "fingerprint": f"hub:s@{COMMIT}+lora:{lora}"},
        "judge": guard,
        "guard": {**guard, "family": "tiny", "threshold": 0.5},
        "quorum": {"need": 2, "guards": [{**guard, "family": "tiny", "threshold": 0.4}]},
        "fingerprints": {},
        "steering": {},
        "training": {},
        "seed": 1,
    }
    made = statement.build({"x": "0" * 64}, samples.document(True, lineage=lineage), {}, {})
    said = statement.read(statement.to_bytes(made), "here").predicate
    assert (said.generator.adapter, said.generator.digest) == (lora, {"gitCommit": COMMIT})
    assert said.quorum and (said.quorum.need, said.quorum.guards[0].threshold) == (2, 0.4)
    lines = dict(show.rows(Verified(made, "", {"x": 1})))
    assert lines["generator"].endswith("with adapter eeeeeeeeeeeeeeee") and lines["quorum"] == "2 of 2 guards"


def test_what_is_written_is_read_the_same_and_written_the_same(adapter):
    content = (adapter / "statement.json").read_bytes()
    assert statement.to_bytes(statement.read(content, "here")) == content


@settings(deadline=None)
@given(st.data())
def test_nothing_may_be_left_out_and_nothing_added(document, data):
    """But for what a summary leaves open too: unknown parameters of training, say, are kept as they are."""
    changed = copy.deepcopy(document)
    strict = [p for p in leaves(changed) if isinstance(at(changed, p), dict)
              and not {"parameters", "steering", "versions", "artifacts", "fingerprints", "prompts", "read",
                       "removed", "labels"} & set(p)]  # fmt: skip
    node = at(changed, data.draw(st.sampled_from(strict)))
    if data.draw(st.booleans()):
        node["unknown"] = 1
    else:
        key = data.draw(st.sampled_from(sorted(node)))
        optional = {"revision", "gitCommit", "sha256", "difference", "namespace", "uid"}
        if key in optional and (node[key] is None or key in ("difference", "namespace", "uid")):
            return
        del node[key]
    assert refused(changed).reason in ("InvalidStatement", "OtherStatement")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1", "OtherStatement"),
        (("predicateType",), "https://slsa.dev/provenance/v1", "OtherStatement"),
        (("predicateType",), None, "OtherStatement"),
        (("subject",), [], "InvalidStatement"),
        (("subject", 0, "name"), "../escape.json", "InvalidStatement"),
        (("subject", 0, "name"), "folder/x.json", "InvalidStatement"),
        (("subject", 0, "name"), ".hidden", "InvalidStatement"),
        (("subject", 0, "name"), "a.json\n", "InvalidStatement"),
        (("subject", 0, "name"), "statement.json", "InvalidStatement"),
        (("subject", 0, "digest"), {"md5": "0" * 32}, "InvalidStatement"),
        (("subject", 0, "digest", "sha256"), "0" * 63, "InvalidStatement"),
        (("subject", 0, "digest", "sha256"), "0" * 64 + "\n", "InvalidStatement"),
        (("subject", 0, "digest", "sha256"), "A" * 64, "InvalidStatement"),
        (("predicate", "gate", "passed"), "true", "InvalidStatement"),
        (("predicate", "gate", "passed"), 1, "InvalidStatement"),
        (("predicate", "gate", "passed"), False, "InvalidStatement"),
        (("predicate", "gate", "rules"), [], "InvalidStatement"),
        (("predicate", "gate", "rules", 0, "passed"), False, "InvalidStatement"),
        (("predicate", "baseModel", "digest"), {}, "InvalidStatement"),
        (("predicate", "baseModel", "digest"), {"gitCommit": "0" * 40, "sha256": "0" * 64}, "InvalidStatement"),
        (("predicate", "metrics", 0, "value"), "much", "InvalidStatement"),
    ],
)
def test_each_kind_of_nonsense_is_refused(document, path, value, reason):
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    assert refused(changed).reason == reason


def test_a_file_named_twice_is_refused(document):
    changed = copy.deepcopy(document)
    changed["subject"].append({"name": changed["subject"][0]["name"], "digest": {"sha256": "0" * 64}})
    assert "twice" in str(refused(changed))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff", b"{", b'{"_type": 1, "_type": 2}', b'{"x": NaN}', b"[" * 100_000]
)
def test_what_is_no_clean_json_object_is_refused(content):
    assert refused(content).reason == "InvalidStatement"


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_another_error(content):
    assert refused(content).code == 65


def test_an_error_does_not_quote_what_it_is_about(document):
    changed = copy.deepcopy(document)
    changed["predicate"]["gate"]["sentence"] = ["a text that nobody should see"]
    assert "nobody should see" not in refused(changed).line()
