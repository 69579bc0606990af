"""Downloading one object from S3, with the faults a user can do something about told apart."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore import exceptions
from botocore.config import Config

from thinksafe.errors import AccessError, DataError, SettingsError, TemporaryError, ThinkSafeError, ours_in
from thinksafe.spec import Storage

FORBIDDEN = {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
WRONG = {"InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed", "301", "400"}


def download(uri: str, folder: Path, storage: Storage | None) -> Path:
    """Fetch s3://bucket/key into the folder, under the key's last part; the run's endpoint and region are used."""
    parts = urlsplit(uri)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if not bucket or Path(key).name in ("", "..") or key.endswith("/"):
        raise SettingsError(f"{uri}: not of the form s3://bucket/key", hint="Name one object")
    path = folder / Path(key).name
    try:
        body = client(storage).get_object(Bucket=bucket, Key=key)["Body"]
        with path.open("wb") as file:
            shutil.copyfileobj(body, file, 1 << 20)
    except exceptions.ClientError as error:
        raise explained(uri, bucket, error) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise AccessError(
            f"{uri}: no S3 credentials were found", hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    except (exceptions.ParamValidationError, exceptions.NoRegionError, ValueError) as error:
        raise SettingsError(f"{uri}: {error}", hint="Check storage.endpoint, storage.region and the URI") from error
    except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
        raise ours_in(error) or TemporaryError(
            f"{uri}: the S3 server cannot be reached ({type(error).__name__})", hint="Check storage.endpoint"
        ) from error
    if path.stat().st_size == 0:
        raise DataError(f"{uri}: the object is empty", reason="EmptyFile")
    return path


def client(storage: Storage | None):
    """A boto3 client with bounded patience; the credentials come from boto3's usual chain."""
    # A session of its own: the default one is not safe to share between threads and keeps old credentials.
    return boto3.Session().client(
        "s3",
        endpoint_url=storage.endpoint if storage else None,
        region_name=(storage.region if storage else None) or "us-east-1",
        config=Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=10, read_timeout=60),
    )


def explained(uri: str, bucket: str, error: exceptions.ClientError) -> ThinkSafeError:
    """The S3 server's answer as one of our errors; what we do not know is taken to pass."""
    code = error.response.get("Error", {}).get("Code", "")
    if code == "NoSuchBucket":
        return SettingsError(f"{uri}: there is no bucket {bucket}", reason="NoSuchBucket", hint="Create it")
    if code in ("NoSuchKey", "404"):
        return DataError(f"{uri}: there is no such object in the bucket", reason="MissingFile", hint="Check the key")
    if code in FORBIDDEN:
        return AccessError(f"{uri}: the credentials may not read it ({code})", hint="Allow s3:GetObject on it")
    if code in WRONG:
        return SettingsError(f"{uri}: the S3 server refuses the request ({code})", hint="Check region and endpoint")
    return TemporaryError(f"{uri}: the S3 server answers {code or 'nothing of use'}")
