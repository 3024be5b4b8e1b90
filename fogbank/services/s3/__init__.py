"""Amazon S3: buckets, objects, versions, multipart uploads, policies and access lists, presigned forms, CORS."""

from fogbank.api import Service

s3 = Service("s3")

from fogbank.services.s3 import (  # noqa: E402, F401
    acls,
    browser,
    buckets,
    configurations,
    copies,
    deletes,
    deliveries,
    listings,
    locks,
    many,
    multipart,
    objects,
    parts,
    policies,
    post,
    reads,
    tagging,
    website,
    work,
)
