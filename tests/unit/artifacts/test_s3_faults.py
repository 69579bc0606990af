import pytest
from botocore import exceptions as b
from urllib3.exceptions import ProtocolError

from thinksafe.artifacts.patience import Again
from thinksafe.artifacts.s3_faults import explained, whole
from thinksafe.errors import AccessError, SettingsError


def answer(status: int, code: str) -> b.ClientError:
    reply = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return b.ClientError(reply, "PutObject")


@pytest.mark.parametrize(
    "error, kind",
    [
        (answer(404, "NoSuchBucket"), SettingsError), (answer(400, "InvalidBucketName"), SettingsError),
        (answer(301, "PermanentRedirect"), SettingsError), (answer(501, "NotImplemented"), SettingsError),
        (answer(400, "AuthorizationHeaderMalformed"), SettingsError), (answer(400, "InvalidArgument"), SettingsError),
        (answer(403, "AccessDenied"), AccessError), (answer(401, "Unauthorized"), AccessError),
        (answer(403, ""), AccessError), (answer(400, "ExpiredToken"), AccessError),
        (answer(403, "RequestTimeTooSkewed"), AccessError), (answer(404, "XAdminUserNotFound"), AccessError),
        (answer(503, "SlowDown"), Again), (answer(500, "InternalError"), Again), (answer(502, "502"), Again),
        (answer(504, ""), Again), (answer(507, "XMinioStorageFull"), Again), (answer(429, "TooManyRequests"), Again),
        (answer(409, "ConditionalRequestConflict"), Again), (answer(400, "RequestTimeout"), Again),
        (answer(400, "BadDigest"), Again), (answer(200, "InternalError"), Again), (answer(404, "404"), Again),
        (b.NoCredentialsError(), AccessError), (b.ProfileNotFound(profile="p"), AccessError),
        (b.PartialCredentialsError(provider="env", cred_var="x"), AccessError),
        (b.ParamValidationError(report="Bucket"), SettingsError),
        (b.EndpointConnectionError(endpoint_url="http://x"), Again), (b.ReadTimeoutError(endpoint_url="x"), Again),
        (b.ConnectionClosedError(endpoint_url="x"), Again),
        (b.IncompleteReadError(actual_bytes=1, expected_bytes=2), Again),
        (b.ResponseStreamingError(error="x"), Again), (b.FlexibleChecksumError(error_msg="x"), Again),
        (b.CredentialRetrievalError(provider="sts", error_msg="x"), Again),
        (ProtocolError("cut"), Again), (ConnectionResetError(), Again), (TimeoutError(), Again),
    ],
)  # fmt: skip
def test_every_fault_has_its_meaning(error, kind):
    told = explained(error, "s3://bucket/key", "bucket")
    assert type(told) is kind and "secret" not in str(told)
    assert kind is Again or "s3://bucket/key" in str(told)


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyError("x"), OSError(28, "No space left on device")])
def test_what_is_not_the_stores_fault_is_left_alone(error):
    assert explained(error, "s3://bucket/key", "bucket") is None


def test_a_reply_without_its_length_is_not_taken_for_an_empty_object():
    assert whole({"ContentLength": 0}, "ContentLength") == {"ContentLength": 0}
    with pytest.raises(Again, match="cut off"):
        whole({}, "ContentLength")
