"""Guards: a conversation is framed as the guard's card says, one prefill reads its labels, nothing unread is safe."""

from thinksafe.guards.base import GuardFamily
from thinksafe.guards.llama_guard_3 import LlamaGuard3
from thinksafe.guards.llama_guard_3_1b import LlamaGuard31B
from thinksafe.guards.llama_guard_4 import LlamaGuard4
from thinksafe.guards.qwen3guard import Qwen3Guard
from thinksafe.guards.tiny import Tiny
from thinksafe.guards.wildguard import WildGuard

FAMILIES: dict[str, GuardFamily] = {
    family.name: family
    for family in (LlamaGuard3(), LlamaGuard31B(), LlamaGuard4(), WildGuard(), Qwen3Guard(), Tiny())
}


def get(family: str) -> GuardFamily:
    """The guard family of that name, as in spec.Guard.family. Raises KeyError for a name the spec does not allow."""
    return FAMILIES[family]


__all__ = ["FAMILIES", "GuardFamily", "get"]
