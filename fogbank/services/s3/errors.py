"""S3's errors: the service model names few of them. Texts and members as AWS answers them."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError

_CATALOGUE: dict[str, tuple[int, str]] = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AccessDenied": (403, "Access Denied"),
    "AccessForbidden": (403, "CORSResponse: CORS is not enabled for this bucket."),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "BadRequest": (400, "Insufficient information. Origin request header needed."),
    "BucketAlreadyExists": (
        409,
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
    ),
    "BucketAlreadyOwnedByYou": (
        409, "Your previous request to create the named bucket succeeded and you already own it."
    ),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty"),
    "ConditionalRequestConflict": (
        409, "The conditional request cannot succeed due to a conflicting operation against this resource."
    ),
    "CrossLocationLoggingProhibitted": (403, "Cross S3 location logging not allowed. "),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size"),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size"),
    "IdMismatch": (400, "Document ID does not match the specified configuration ID."),
    "IllegalLocationConstraintException": (400, ""),
    "IllegalVersioningConfigurationException": (400, "The Versioning element must be specified"),
    "IncompleteBody": (400, "The request body terminated unexpectedly"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketAclWithObjectOwnership": (
        400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    ),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidBucketOwnerAWSAccountID": (400, ""),
    "InvalidBucketState": (409, "The request is not valid with the current state of the bucket."),
    "InvalidDigest": (400, "The Content-MD5 you specified was invalid."),
    "InvalidEncryptionAlgorithmError": (
        400, "The Encryption request you specified is not valid. Supported value: AES256."
    ),
    "InvalidLocationConstraint": (400, "The specified location-constraint is not valid"),
    "InvalidObjectState": (403, "The operation is not valid for the object's storage class"),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
    ),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidPartOrder": (
        400, "The list of parts was not in ascending order. Parts must be ordered by part number."
    ),
    "InvalidPolicyDocument": (400, ""),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, ""),
    "InvalidS3DestinationBucket": (400, "Invalid bucket ARN."),
    "InvalidStorageClass": (400, "The storage class you specified is not valid"),
    "InvalidTag": (400, "The TagValue you have provided is invalid"),
    "InvalidTargetBucketForLogging": (400, "The target bucket for logging does not exist"),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KMS.NotFoundException": (400, ""),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedACLError": (
        400, "The XML you provided was not well-formed or did not validate against our published schema"
    ),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MalformedPolicy": (400, ""),
    "MalformedXML": (400, "The XML you provided was not well-formed or did not validate against our published schema"),
    "MaxPostPreDataLengthExceeded": (400, "Your POST request fields preceding the upload file were too large."),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "MissingSecurityHeader": (400, "Your request was missing a required header"),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist"),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist"),
    "NoSuchConfiguration": (404, "The specified configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchObjectLockConfiguration": (404, "The specified object does not have a ObjectLock configuration"),
    "NoSuchPublicAccessBlockConfiguration": (404, "The public access block configuration was not found"),
    "NoSuchTagSet": (404, "The TagSet does not exist"),
    "NoSuchUpload": (
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration"),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "NotModified": (304, "Not Modified"),
    "ObjectLockConfigurationNotFoundError": (404, "Object Lock configuration does not exist for this bucket"),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found"),
    "PermanentRedirect": (
        301,
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all "
        "future requests to this endpoint.",
    ),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "ReplicationConfigurationNotFoundError": (404, "The replication configuration was not found"),
    "ServerSideEncryptionConfigurationNotFoundError": (
        404, "The server side encryption configuration was not found"
    ),
    "TooManyBuckets": (400, "You have attempted to create more buckets than allowed"),
    "UnresolvableGrantByEmailAddress": (
        400, "The e-mail address you provided does not match any account on record."
    ),
    "TooManyConfigurations": (400, "You are attempting to create a new configuration but have already reached the limit."),
    "UnexpectedContent": (400, "This request does not support content"),
}


def s3_error(code: str, message: str | None = None, **members: Any) -> AwsError:
    """The error `code` with S3's status and text; `members` are the further elements of its XML."""
    status, text = _CATALOGUE[code]
    return AwsError(code, text if message is None else message, status=status, **members)


def invalid_argument(message: str | None, name: str, value: Any = None) -> AwsError:
    """InvalidArgument about the argument (header, parameter or element) `name`."""
    members = {"ArgumentName": name}
    if value is not None:
        members["ArgumentValue"] = str(value)
    return s3_error("InvalidArgument", message or "", **members)


def invalid_request(message: str) -> AwsError:
    return s3_error("InvalidRequest", message)


def no_such_key(key: str) -> AwsError:
    return s3_error("NoSuchKey", Key=key)


def no_such_bucket(bucket: str) -> AwsError:
    return s3_error("NoSuchBucket", BucketName=bucket)


def precondition_failed(condition: str) -> AwsError:
    return s3_error("PreconditionFailed", Condition=condition)
