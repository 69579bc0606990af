"""Addresses on which a cloud tells an instance its secrets: no run has business there. Pure.

A run names addresses: of a store, of a hub. One that only the machine itself is meant to reach would be read with the
machine's own rights, and what it answers would be kept as data. So such an address is refused in a manifest, where it
stands there in plain, and again by a worker before it connects (stages/reach.py), whatever name led there.
"""

import ipaddress
import re

# Link-local is where nearly all clouds have it (169.254.169.254); these are the others: AWS and Google by IPv6,
# Alibaba, Azure's host, Oracle's first.
_OTHERS = ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
_NAMES = ("metadata.google.internal", "metadata.goog")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # behind it an IPv6 address is an IPv4 one

MESSAGE = "must not be an instance's own address (link-local, metadata), nor a number in an unusual spelling"
# The same patterns for both judges of a manifest: RE2's, and Python's, language. A host in a URL, and how it ends.
_BEFORE, _AFTER = r"(?i)^https?://([^/?#]*@)?", r"[.]?(:[0-9]*)?([/?#]|$)"
_BYTE = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_FORBIDDEN = (
    rf"{_BEFORE}(169[.]254[.][0-9.]+|100[.]100[.]100[.]200|168[.]63[.]129[.]16|192[.]0[.]0[.]192){_AFTER}",
    rf"{_BEFORE}({'|'.join(_NAMES).replace('.', '[.]')}){_AFTER}",
    # Link-local, the others, IPv4 behind NAT64 and 6to4, IPv4-mapped, with IPv4's dots, with a zone.
    rf"{_BEFORE}\[(fe[89ab]|fd00:0*ec2:|fd20:0*ce:|0*64:0*ff9b:|2002:a9fe:|[0:]*ffff:|[^]]*[.%])",
)
# What a resolver takes for a number (2852039166, 0xa9fea9fe, 0251.0376.0251.0376, 169.254.43518) must be written
# in the usual way.
_NUMBER = rf"{_BEFORE}([^/?#@:]*[.])?(0x[0-9a-f]*|[0-9]+){_AFTER}"
_USUAL = rf"{_BEFORE}({_BYTE}[.]){{3}}{_BYTE}(:[0-9]*)?([/?#]|$)"


def is_forbidden_url(url: str) -> bool:
    """Whether a URL's host is such an address as it stands there, or a number in a spelling that hides one."""
    if re.search(_NUMBER, url) and not re.search(_USUAL, url):
        return True
    return any(re.search(pattern, url) for pattern in _FORBIDDEN)


def rule(url: str) -> str:
    """CEL for "not `is_forbidden_url`", for the API server."""
    told = [f"!{url}.matches(r'{pattern}')" for pattern in _FORBIDDEN]
    return " && ".join([f"(!{url}.matches(r'{_NUMBER}') || {url}.matches(r'{_USUAL}'))", *told])


def is_forbidden(address: str) -> bool:
    """Whether this numeric address, as a socket has it, is one that tells an instance its secrets."""
    try:
        ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address.lower().rstrip(".") in _NAMES
    return ip.is_link_local or str(ip) in _OTHERS


def _plain(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one only wraps; itself otherwise."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
