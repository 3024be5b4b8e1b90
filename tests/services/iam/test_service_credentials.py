"""Service-specific credentials, as recorded from AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import error_of

ACCOUNT = "180000000001"


@pytest.fixture(scope="module")
def iam(cloud: CloudUnderTest) -> Any:
    return cloud.client("iam", key=ACCOUNT)


@pytest.mark.parametrize("service", ["codecommit.amazonaws.com", "cassandra.amazonaws.com"])
def test_a_credential_lives(iam: Any, service: str) -> None:
    name = service.partition(".")[0]
    iam.create_user(UserName=name)
    made = iam.create_service_specific_credential(UserName=name, ServiceName=service)["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"{name}-at-{ACCOUNT}" and made["Status"] == "Active"
    password = made.pop("ServicePassword")
    listed = iam.list_service_specific_credentials(UserName=name)
    assert listed["ServiceSpecificCredentials"] == [made] and "IsTruncated" not in listed
    which = {"UserName": name, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**which, Status="Inactive")
    reset = iam.reset_service_specific_credential(**which)["ServiceSpecificCredential"]
    assert reset["Status"] == "Inactive" and reset["ServicePassword"] != password
    assert error_of(iam.delete_user, UserName=name) == (
        "DeleteConflict", "Cannot delete entity, must remove referenced objects first.",
    )
    iam.delete_service_specific_credential(**which)
    iam.delete_user(UserName=name)


def test_errors_are_those_recorded(iam: Any) -> None:
    iam.create_user(UserName="user")
    made = iam.create_service_specific_credential(UserName="user", ServiceName="codecommit.amazonaws.com")
    credential_id = made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    for service in ("nonexistentservice.amazonaws.com", "o3on3n3onosneo", "lambda.amazonaws.com"):
        message = f"No such service {service} is supported for Service Specific Credentials"
        assert error_of(iam.create_service_specific_credential, UserName="user", ServiceName=service) == (
            "NoSuchEntity", message)
        assert error_of(iam.list_service_specific_credentials, UserName="user", ServiceName=service) == (
            "NoSuchEntity", message)
    wrong = {"UserName": "user", "ServiceSpecificCredentialId": "satisfiesregexbutstillinvalid"}
    assert error_of(iam.delete_service_specific_credential, **wrong) == (
        "NoSuchEntity", "No such credential satisfiesregexbutstillinvalid exists")
    stranger = {"UserName": "wrong-user-name", "ServiceSpecificCredentialId": credential_id}
    assert error_of(iam.reset_service_specific_credential, **stranger) == (
        "NoSuchEntity", "The user with name wrong-user-name cannot be found.")
    which = {"UserName": "user", "ServiceSpecificCredentialId": credential_id}
    assert error_of(iam.update_service_specific_credential, **which, Status="Invalid") == (
        "ValidationError",
        "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set",
    )
    hyphens = {"UserName": "user", "ServiceSpecificCredentialId": "totally-wrong-credential-id-with-hyphens"}
    assert error_of(iam.delete_service_specific_credential, **hyphens) == (
        "ValidationError",
        "1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: [\\w]+",
    )
