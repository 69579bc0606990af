"""Whom the operator and the workers may talk to, where networkPolicy is enabled."""

import random
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from chart.matrix import NAMESPACES
from chart.rendered import SYSTEM, Refused, find, hook, merged, one, own_values, render

from thinksafe_operator import names

ENABLED = {"networkPolicy": {"enabled": True, "workers": {"namespaces": NAMESPACES}}}
Network = IPv4Network | IPv6Network
LINK_LOCAL: list[IPv4Network | IPv6Network] = [
    ip_network(n) for n in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")
]
METADATA = ["169.254.169.254", "169.254.170.2", "fe80::a9fe:a9fe", "fd00:ec2::254"]


def policies(given: dict | None = None) -> list[dict]:
    return find(render(merged(ENABLED, given or {})), "NetworkPolicy")


def of_workers(given: dict | None = None) -> dict:
    return next(p for p in policies(given) if p["metadata"]["name"].endswith("-workers"))


def with_egress(*cidrs: str) -> dict:
    return {"networkPolicy": {"workers": {"egress": [{"to": [{"ipBlock": {"cidr": c}} for c in cidrs]}]}}}


def blocks(policy: dict) -> list[dict]:
    peers = [peer for rule in policy["spec"]["egress"] for peer in rule["to"]]
    return [peer["ipBlock"] for peer in peers if "ipBlock" in peer]


def reachable(block: dict) -> list[Network]:
    """The addresses that a block lets through."""
    left: list[Network] = [ip_network(block["cidr"])]
    for exception in map(ip_network, block.get("except", [])):
        left = [rest for network in left for rest in _without(network, exception)]
    return left


def _without(network, exception) -> list:
    if not network.overlaps(exception):
        return [network]
    return list(network.address_exclude(exception)) if exception != network and exception.subnet_of(network) else []


def touches_link_local(networks: list[Network]) -> bool:
    return any(n.version == bad.version and n.overlaps(bad) for n in networks for bad in LINK_LOCAL)


def test_there_is_none_unless_it_is_asked_for():
    assert find(render(), "NetworkPolicy") == []


def test_workers_of_every_named_namespace_get_one():
    found = {(p["metadata"]["namespace"], p["metadata"]["name"]) for p in policies()}
    of_all = {(n, f"thinksafe-operator-{part}") for n in NAMESPACES for part in ("workers", "training")}
    assert found == {(SYSTEM, "thinksafe-operator"), *of_all}


def test_the_operators_namespaces_are_the_workers_unless_others_are_named():
    objects = render({"namespaces": NAMESPACES, "networkPolicy": {"enabled": True}})
    assert {o["metadata"]["namespace"] for o in find(objects, "NetworkPolicy")} == {SYSTEM, *NAMESPACES}
    (fewer,) = [{"namespaces": NAMESPACES, "networkPolicy": {"enabled": True, "workers": {"namespaces": ["team-a"]}}}]
    assert {o["metadata"]["namespace"] for o in find(render(fewer), "NetworkPolicy")} == {SYSTEM, "team-a"}


def test_it_chooses_the_pods_of_workers_and_lets_nobody_in():
    spec = of_workers()["spec"]
    assert spec["podSelector"] == {"matchLabels": {names.LABEL_MANAGED_BY: names.MANAGED_BY}}
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"} and not spec.get("ingress")


def test_workers_reach_dns_and_https_at_public_addresses_only():
    dns, web = of_workers()["spec"]["egress"]
    assert {(p["protocol"], p["port"]) for p in dns["ports"]} >= {("UDP", 53), ("TCP", 53)}
    assert dns["to"] == own_values()["networkPolicy"]["dns"]
    assert web["ports"] == [{"protocol": "TCP", "port": 443}]
    reached = [n for block in blocks(of_workers()) for n in reachable(block)]
    public = ["8.8.8.8/32", "2606:4700::1/128"]
    private = ["10.1.2.3/32", "172.16.9.9/32", "192.168.1.1/32", "100.64.0.1/32", "169.254.169.254/32", "fd12::1/128"]
    assert [a for a in public if not _inside(a, reached)] == []
    assert [a for a in private if _inside(a, reached)] == []


def _inside(address: str, networks: list[Network]) -> bool:
    return any(ip_network(address).version == n.version and ip_network(address).overlaps(n) for n in networks)


def test_pods_that_train_reach_each_other_and_nobody_else():
    policy = next(p for p in policies() if p["metadata"]["name"].endswith("-training"))
    training = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_STAGE: "train"}
    peers = [{"podSelector": {"matchLabels": training}}]
    assert policy["spec"]["podSelector"] == {"matchLabels": training}
    assert policy["spec"]["ingress"] == [{"from": peers}] and policy["spec"]["egress"] == [{"to": peers}]


def test_the_operator_and_helm_test_reach_the_api_server_and_give_metrics():
    objects = render(ENABLED)
    policy = one(objects, "NetworkPolicy", "thinksafe-operator")
    chosen = {e["key"]: e["values"] for e in policy["spec"]["podSelector"]["matchExpressions"]}
    for pod in (one(objects, "Deployment")["spec"]["template"], hook(objects, "Pod")):
        assert all(pod["metadata"]["labels"][key] in accepted for key, accepted in chosen.items())
    _, api = policy["spec"]["egress"]
    assert [p["port"] for p in api["ports"]] == [443, 6443]
    assert [p["port"] for p in policy["spec"]["ingress"][0]["ports"]] == ["http"]


def test_other_pods_are_not_chosen():
    chosen = one(render(ENABLED), "NetworkPolicy", "thinksafe-operator")["spec"]["podSelector"]["matchExpressions"]
    assert all(e["operator"] == "In" for e in chosen) and len(chosen) == 2


@pytest.mark.parametrize("where", ["operator", "workers"])
def test_no_block_of_the_values_reaches_a_link_local_address(where):
    """All lengths, aligned and not; those that touch none are left as they are."""
    draw = random.Random(0)
    given = [ip_network((draw.getrandbits(32), length), strict=False) for length in range(33) for _ in range(4)]
    given += [ip_network((int(ip_network("169.254.0.0/16")[0]), length), strict=False) for length in range(16)]
    given += map(
        ip_network,
        (
            "::/0",
            "2000::/3",
            "fc00::/7",
            "fd00::/8",
            "fd00::/20",
            "fd00::/21",
            "2001:db8::/32",
            "169.252.0.0/15",
            "169.255.0.0/16",
        ),
    )
    given = [n for n in given if not _within_link_local(n)]
    unaligned = ["168.1.2.3/5", "0.0.0.1/0"]
    egress = [{"to": [{"ipBlock": {"cidr": str(n)}} for n in given] + [{"ipBlock": {"cidr": c}} for c in unaligned]}]
    policy = policies({"networkPolicy": {where: {"egress": egress}}})[0 if where == "operator" else 1]
    rendered = [b for b in blocks(policy)]
    assert len(rendered) == len(given) + len(unaligned)
    for block, asked in zip(rendered, given, strict=False):
        assert not touches_link_local(reachable(block)), block
        missing = [bad for bad in LINK_LOCAL if bad.version == asked.version and asked.overlaps(bad)]
        assert sorted(block.get("except", [])) == sorted(map(str, missing)), block
    for block in rendered[len(given) :]:
        assert block["except"] == ["169.254.0.0/16"]


def _within_link_local(network: Network) -> bool:
    return any(network.version == bad.version and network.subnet_of(bad) for bad in LINK_LOCAL)  # type: ignore[arg-type]


def test_exceptions_of_the_values_stay():
    block = {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}
    policy = of_workers({"networkPolicy": {"workers": {"egress": [{"to": [{"ipBlock": block}]}]}}})
    assert blocks(policy) == [block]


@pytest.mark.parametrize(
    "cidr",
    ["169.254.0.0/16", "169.254.169.254/32", "169.254.128.0/17", "fe80::/10", "FE80::1/128", "fd00:ec2::254/128",
     "fd00:0ec2::/32", "fe00::/7", "8000::/1", "fe00::/9"],
)  # fmt: skip
def test_a_block_of_link_local_addresses_is_refused(cidr):
    with pytest.raises(Refused, match=r"networkPolicy\.workers\.egress"):
        policies(with_egress(cidr))


def test_dns_is_not_answered_at_a_link_local_address():
    with pytest.raises(Refused, match=r"networkPolicy\.dns"):
        policies({"networkPolicy": {"dns": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}})


def test_peers_that_are_pods_stay_as_they_are():
    store = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "minio"}}}
    rule = {"to": [store], "ports": [{"protocol": "TCP", "port": 9000}]}
    policy = of_workers({"networkPolicy": {"workers": {"egress": [rule]}}})
    assert policy["spec"]["egress"][1:] == [rule]


def test_a_rule_that_lets_everything_through_is_refused():
    for egress in ([{}], [{"to": []}], [{"ports": [{"port": 443}]}], [{"to": [{}]}]):
        with pytest.raises(Refused, match="egress"):
            policies({"networkPolicy": {"workers": {"egress": egress}}})


def test_every_known_metadata_address_is_among_those_that_are_blocked():
    assert [address for address in METADATA if not _inside(address, LINK_LOCAL)] == []
