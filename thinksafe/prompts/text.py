"""When two texts count as the same."""

import hashlib
import unicodedata


def normalise(text: str) -> str:
    """The text in Unicode's NFKC form, case folded, with each run of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def short_hash(text: str, length: int = 16) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of the normalised text."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()[:length]
