"""Logs as JSON, one object a line, with the run that a line is about."""

import json
import logging
import sys
from datetime import UTC, datetime

_FIELDS = ("namespace", "run", "experiment", "stage", "pause", "reason")
_MESSAGE = 2000


class JsonFormatter(logging.Formatter):
    """time, level, logger, message, and those of _FIELDS that the line has."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_MESSAGE],
        }
        about = getattr(record, "k8s_ref", None)  # kopf's way of saying which object
        if isinstance(about, dict):
            line |= {"namespace": about.get("namespace"), "run": about.get("name")}
        line |= {field: getattr(record, field) for field in _FIELDS if hasattr(record, field)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: int = logging.INFO) -> None:
    """All loggers of the process, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # kopf tells of every event that it hands over; what became of it is told by us.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    logging.getLogger("kopf").setLevel(max(level, logging.INFO))
