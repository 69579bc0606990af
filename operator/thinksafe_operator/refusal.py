"""Everything that can be wrong with a request to the API server, as one error."""

import asyncio
import json

import aiohttp


class ApiError(Exception):
    """The API server refused, or could not be reached (`status` 0).

    `reason` is Kubernetes' own word (NotFound, AlreadyExists, Forbidden, Invalid, ...); `retry_after` in seconds.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed later with nothing changed."""
        return self.status in (0, 401, 408, 429) or self.status >= 500


def of_response(response: aiohttp.ClientResponse, data: bytes) -> ApiError:
    """What an answer that is no success says."""
    try:
        status = json.loads(data)
    except ValueError:
        status = {}
    error = of_status(status if isinstance(status, dict) else {}, response.status)
    wait = response.headers.get("Retry-After", "")
    error.retry_after = float(wait) if wait.isdigit() else error.retry_after
    return error


def of_status(status: dict, code: int = 0) -> ApiError:
    """A Status object of the API: the body of such an answer, or an event of a watch."""
    wait = (status.get("details") or {}).get("retryAfterSeconds")
    message = str(status.get("message", ""))[:1000]
    return ApiError(int(status.get("code") or code), str(status.get("reason", "")), message, wait)


def unreachable(error: BaseException) -> ApiError:
    """What the network or the client raised instead of an answer."""
    what = "no answer in time" if isinstance(error, TimeoutError | asyncio.TimeoutError) else type(error).__name__
    return ApiError(0, "Unreachable", f"the API server cannot be reached: {what}")
