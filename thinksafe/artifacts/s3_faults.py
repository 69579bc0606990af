"""Pure: what an S3 server's or a connection's fault means: ask again, or tell the user."""

from botocore import exceptions as b
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from thinksafe.artifacts.patience import Again
from thinksafe.errors import AccessError, SettingsError, ThinkSafeError, ours_in

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
FORBIDDEN = {
    "AccessDenied", "AllAccessDisabled", "AccountProblem", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
    "XAdminUserNotFound",  # versitygw's word for an unknown access key, with status 404
}  # fmt: skip
# 4xx codes that do not mean that the request is wrong: cut off or changed on the way, or two writers at once.
PASSING = {
    "BadDigest", "ConditionalRequestConflict", "IncompleteBody", "InvalidDigest", "OperationAborted", "RequestTimeout",
    "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
}  # fmt: skip
ALLOWED = "Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on it"


def explained(error: Exception, where: str, bucket: str) -> Again | ThinkSafeError | None:
    """Again for a fault that may pass, an error for one that will not, None for what is not the store's fault.

    `where` is the object's URI; credentials are never part of a message.
    """
    if refused := ours_in(error):  # by stages/reach.py, before the connection
        return refused
    if isinstance(error, b.ClientError):
        return _answered(error, where, bucket)
    if isinstance(error, b.NoCredentialsError | b.PartialCredentialsError | b.ProfileNotFound):
        return AccessError(
            f"{where}: no S3 credentials were found",
            reason="NoCredentials",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or storage.credentialsSecret on a cluster",
        )
    if isinstance(error, b.ParamValidationError | b.NoRegionError | b.InvalidRegionError | b.UnknownEndpointError):
        return SettingsError(
            f"{where}: {error}", reason="InvalidStorage", hint="Check storage.uri, endpoint and region"
        )
    if isinstance(error, b.EndpointConnectionError | b.ConnectTimeoutError | b.SSLError):
        return Again(f"the S3 server cannot be reached ({type(error).__name__}); is storage.endpoint right?")
    if isinstance(error, b.BotoCoreError | HTTPError | ResponseParserError | ConnectionError | TimeoutError):
        return Again(f"the connection to the S3 server failed ({type(error).__name__})")
    return None


def _answered(error: b.ClientError, where: str, bucket: str) -> Again | ThinkSafeError:
    """The server's own answer. One that it did not write in S3's language comes from something in front of it."""
    code, status = code_of(error), status_of(error)
    if code == "NoSuchBucket":
        return SettingsError(
            f"{where}: there is no bucket {bucket}", reason="NoSuchBucket", hint="Create it, or correct storage.uri"
        )
    if code in PASSING or (status >= 500 and status != 501) or status in (408, 429):
        return Again(f"the S3 server answers {status} {code}")
    if code in FORBIDDEN or status in (401, 403):
        hint = "Set this machine's clock" if code == "RequestTimeTooSkewed" else ALLOWED
        return AccessError(f"{where}: the S3 server answers {status} {code}", reason="NoAccess", hint=hint)
    if status == 501 or code == "NotImplemented":
        return SettingsError(
            f"{where}: the S3 server cannot do what is asked (501 {code})",
            reason="StoreLacksFeature",
            hint="It must know conditional writes (If-None-Match); see docs/storage.md",
        )
    # The completion of an upload in parts may begin with 200 and end with an error.
    if code in ("404", "NoSuchUpload", "412", "409") or status < 300:
        return Again(f"the S3 server answers {status} {code}")
    return SettingsError(
        f"{where}: the S3 server refuses the request ({status} {code})",
        reason="InvalidStorage",
        hint="Check storage.uri, endpoint and region",
    )


def code_of(error: b.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: b.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def whole(reply: dict, *fields: str) -> dict:
    """The reply, if it has the fields that every such reply has; else raises Again.

    http.client takes a reply that was cut in its headers for a good one without a length and with no content:
    an object would look empty, and a listing as if nothing were there.
    """
    if missing := [name for name in fields if name not in reply]:
        raise Again(f"the S3 server's answer is cut off ({missing[0]} is missing)")
    return reply
