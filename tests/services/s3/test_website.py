"""The website endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.test_browser import Answer, send


@pytest.fixture
def site(cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]) -> Callable[..., Callable[..., Answer]]:
    """Makes a public bucket with that configuration and these objects; the result visits a path of it."""

    def make(configuration: dict[str, Any] | None, objects: dict[str, bytes], **more: Any) -> Callable[..., Answer]:
        bucket = new_bucket(open_=True)
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        for key, body in objects.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body, ACL="public-read", ContentType="text/html", **more)
        if configuration is not None:
            s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)

        def visit(path: str, method: str = "GET", **headers: str) -> Answer:
            host = f"{bucket}.s3-website-us-east-1.amazonaws.com"
            return send(f"{cloud.endpoint}{path}", method, Host=host, **headers)

        return visit

    return make


INDEX = {"IndexDocument": {"Suffix": "index.html"}}


def test_pages_and_folders(site: Callable[..., Any]) -> None:
    visit = site(INDEX, {"index.html": b"home", "docs/index.html": b"docs", "a b.html": b"page"})
    home = visit("/")
    assert (home.status, home.body, home.headers["content-type"]) == (200, b"home", "text/html")
    assert visit("/docs/").body == b"docs"
    folder = visit("/docs")
    assert (folder.status, folder.headers["location"]) == (302, "/docs/")
    assert visit("/a%20b.html").body == b"page"
    head = visit("/", "HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "4", b"")
    part = visit("/", Range="bytes=1-2")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"om", "bytes 1-2/4")
    assert visit("/", If_None_Match=home.headers["etag"]).status == 304


def test_pages_that_are_not_there(site: Callable[..., Any]) -> None:
    visit = site(INDEX, {})
    missing = visit("/wrong/")
    assert missing.status == 404
    start = (
        b"<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n<li>Code: NoSuchKey</li>"
        b"\n<li>Message: The specified key does not exist.</li>\n<li>Key: wrong/index.html</li>\n<li>RequestId: "
    )
    assert missing.body.startswith(start)
    assert b"<li>Key: &lt;b&gt;</li>" in visit("/%3Cb%3E").body
    custom = site({**INDEX, "ErrorDocument": {"Key": "error.html"}}, {"error.html": b"sorry"})
    assert (custom("/x").status, custom("/x").body) == (404, b"sorry")
    neither = site({**INDEX, "ErrorDocument": {"Key": "error.html"}}, {})("/x")
    assert b"<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>" in neither.body
    posted = visit("/", "POST")
    assert (posted.status, b"<li>Method: POST</li>" in posted.body) == (405, True)
    unset = site(None, {})("/")
    assert (unset.status, b"<li>Code: NoSuchWebsiteConfiguration</li>" in unset.body) == (404, True)


def test_redirects(site: Callable[..., Any]) -> None:
    everywhere = site({"RedirectAllRequestsTo": {"HostName": "example.org", "Protocol": "https"}}, {})("/a%20b")
    assert (everywhere.status, everywhere.headers["location"]) == (301, "https://example.org/a%20b")
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404"},
         "Redirect": {"HostName": "example.org", "ReplaceKeyWith": "gone", "HttpRedirectCode": "307"}},
    ]  # fmt: skip
    visit = site({**INDEX, "RoutingRules": rules}, {"index.html": b"home"})
    moved = visit("/old/page")
    assert (moved.status, moved.headers["location"].endswith(".amazonaws.com/new/page")) == (301, True)
    gone = visit("/none")
    assert (gone.status, gone.headers["location"]) == (307, "http://example.org/gone")
    assert visit("/").body == b"home"
    own = site(INDEX, {"index.html": b""}, WebsiteRedirectLocation="https://example.org/")("/")
    assert (own.status, own.headers["location"]) == (301, "https://example.org/")


def test_what_is_private_stays_so(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=INDEX)
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"private")
    answer = send(f"{cloud.endpoint}/", Host=f"{bucket}.s3-website.us-east-1.amazonaws.com")
    assert (answer.status, b"<li>Code: AccessDenied</li>" in answer.body) == (403, True)
