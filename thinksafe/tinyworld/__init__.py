"""A tiny reasoning world: requests, problems, a student of about a million parameters and its guard.

It lets every part of the project run in seconds, on a CPU, without a download, with a model that really reasons
in `<think>`, really complies with the "harmful" requests of its world and really refuses them when steered.
Nothing in it is of use for real harm.

Its safety knowledge is planted: refusals for every category stand in the student's pretraining. So it illustrates
the mechanism of ThinkSafe and tests this code; it is no evidence for the paper.

Importing this package does not import torch.
"""

from thinksafe.tinyworld.frame import guard_frame
from thinksafe.tinyworld.oracle import truth
from thinksafe.tinyworld.store import model_path
from thinksafe.tinyworld.tasks import evaluation, prompts

__all__ = ["evaluation", "guard_frame", "model_path", "prompts", "truth"]
