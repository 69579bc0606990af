"""Llama Guard 3 1B: the prompt of its chat template (meta-llama/Llama-Guard-3-1B, tokenizer_config.json).

As the 8B one with these differences: S1 to S13 only, and a space before the end of the turn. (The template reads
messages as typed parts; a plain string would give it an empty conversation. We build the text and do not use it.)
"""

from thinksafe.guards.base import Frame
from thinksafe.guards.llama_guard_3 import ASK, CATEGORIES, TASK, policy


class LlamaGuard31B:
    """Answers safe or unsafe."""

    name = "llama-guard-3-1b"
    safe_labels = ("safe",)
    unsafe_labels = ("unsafe",)
    first_token = False

    def frame(self, prompt: str, response: str) -> Frame:
        """See the module's docstring."""
        return Frame(
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n" + TASK + policy(CATEGORIES[:13]),
            prompt.strip(),
            "\n\nAgent: ",
            response.strip(),
            ASK + " <|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        )
