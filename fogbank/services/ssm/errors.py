"""The errors of Parameter Store whose texts the model lacks."""

from __future__ import annotations

from fogbank.api import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def not_found() -> AwsError:
    """AWS says nothing more."""
    return AwsError("ParameterNotFound", "")


def version_not_found(name: str, selector: str) -> AwsError:
    what = f"version {selector}" if selector.isdecimal() else f"label {selector}"
    verify = "version" if selector.isdecimal() else "label"
    return AwsError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find {what} of {name}. Verify the {verify} and try again.",
    )


def bad_token() -> AwsError:
    return AwsError("InvalidNextToken", "The specified token isn't valid.")


def bad_name() -> AwsError:
    return invalid(
        'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
        "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following "
        "3 symbols .-_"
    )


def bad_path() -> AwsError:
    return invalid(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "
        '"/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" (case-insensitive). It must use only letters, numbers, or '
        "the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All "
        'sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
    )
