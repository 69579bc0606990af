"""The columns of every chunked artifact: what stages, and people who read the Parquet files, rely on."""

import pyarrow as pa

_ids = pa.list_(pa.int32())

PROMPTS = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("label", pa.string()),  # harmful | benign
        ("category", pa.string()),
        ("source", pa.int32()),  # index of spec.prompts
        ("given", pa.string()),  # a ready response of an external data set, or null
    ]
)

PROBLEMS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("kind", pa.string()),  # harmful | refusal | accuracy
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("gold", pa.string()),
        ("category", pa.string()),
    ]
)

_DRAWN = [
    ("sample", pa.int32()),
    ("seed", pa.int64()),
    ("response_ids", _ids),  # as the engine returned them, end token included
    ("response", pa.string()),
    ("finish_reason", pa.string()),  # stop | length | repetition | error | given
    ("error", pa.string()),
]

RESPONSES = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("label", pa.string()),
        ("category", pa.string()),
        ("source", pa.int32()),
        ("rung", pa.int32()),
        ("template", pa.string()),
        ("prompt_ids", _ids),  # of the unsteered prompt: what training puts before the response
        *_DRAWN,
    ]
)

# One entry a view. P(unsafe) and the mass of the labels are stored, not the verdict: another threshold
# needs no GPU.
_JUDGED = [
    ("quality", pa.string()),  # why the response is unusable before any judge, or null
    ("views", pa.list_(pa.string())),
    ("p_unsafe", pa.list_(pa.float64())),
    ("label_mass", pa.list_(pa.float64())),
    ("unread", pa.list_(pa.string())),  # why a view could not be read, or null
]

SCORES = pa.schema([("id", pa.string()), ("sample", pa.int32()), *_JUDGED])

PROBE_RESPONSES = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("label", pa.string()),
        ("template", pa.string()),  # around the prompt, whatever its label
        *_DRAWN,
    ]
)

PROBE_SCORES = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.string()),
        ("template", pa.string()),
        *_JUDGED,  # of harmful prompts
        ("refused", pa.bool_()),  # of benign prompts, or null
    ]
)

DATASET = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("response", pa.string()),
        ("label", pa.string()),
        ("category", pa.string()),
        ("source", pa.int32()),
        ("rung", pa.int32()),
        ("template", pa.string()),
        ("sample", pa.int32()),
        ("p_unsafe", pa.float64()),  # the largest over the views
        ("label_mass", pa.float64()),  # the smallest over the views
        ("prompt_ids", _ids),
        ("response_ids", _ids),
    ]
)

# Kept responses, and beside them the spare safe samples of steered prompts (`kept` false).
PERPLEXITY = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.string()),
        ("rung", pa.int32()),
        ("sample", pa.int32()),
        ("kept", pa.bool_()),
        ("nll", pa.float64()),  # sum of -log p over the response after the prompt as it is trained on, in nats
        ("steered_nll", pa.float64()),  # after the prompt as it was asked; null where that is the same
        ("tokens", pa.int32()),
    ]
)

ANSWERS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("category", pa.string()),
        ("tokens", pa.int32()),
        *_DRAWN,
    ]
)

VERDICTS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("sample", pa.int32()),
        ("category", pa.string()),
        ("values", pa.string()),  # JSON: metric -> 0 or 1, or null
        ("reason", pa.string()),  # why it is unscored, or empty
        ("truncated", pa.bool_()),
        ("tokens", pa.int32()),
        ("thought_tokens", pa.int32()),
        ("p_unsafe", pa.float64()),
    ]
)
