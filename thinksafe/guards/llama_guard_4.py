r"""Llama Guard 4: the prompt format of Meta's documentation, text only (S1 to S14).

The text is Llama Guard 3's with Llama 4's control tokens. The chat template on the hub (12B, commit 87acb4b) is
said to write the two characters `\n` instead of newlines after each message; the documented format has newlines,
and so has this one. Which of the two the weights like better has not been measured by us.
"""

from thinksafe.guards.base import Frame
from thinksafe.guards.llama_guard_3 import ASK, CATEGORIES, TASK, policy


class LlamaGuard4:
    """Answers safe or unsafe."""

    name = "llama-guard-4"
    safe_labels = ("safe",)
    unsafe_labels = ("unsafe",)
    first_token = False

    def frame(self, prompt: str, response: str) -> Frame:
        """See the module's docstring."""
        return Frame(
            "<|begin_of_text|><|header_start|>user<|header_end|>\n\n" + TASK + policy(CATEGORIES),
            prompt.strip(),
            "\n\nAgent: ",
            response.strip(),
            ASK + "<|eot|><|header_start|>assistant<|header_end|>\n\n",
        )
