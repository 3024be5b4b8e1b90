"""Layers as functions use them: checked when named, found when run."""

from __future__ import annotations

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.records import Code, LayerVersion

MOST_LAYERS = 5


def find(ctx: Context, arn: str) -> LayerVersion | None:
    """The layer version that `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION` names."""
    parsed = arns.parse(arn)
    if not parsed or parsed.type != "layer":
        return None
    name, _, version = parsed.id.partition(":")
    if not version.isdecimal():
        return None
    return ctx.tx.get(LayerVersion, parsed.account, parsed.region, name, int(version))


def check(ctx: Context, region: str, layers: list[str]) -> None:
    """Raises InvalidParameterValueException for layers that a function may not have."""
    if len(layers) > MOST_LAYERS:
        raise errors.invalid(f"Cannot reference more than {MOST_LAYERS} layers.")
    seen: dict[str, str] = {}
    for arn in layers:
        parsed = arns.parse(arn)
        if parsed and parsed.region != region:
            raise errors.invalid(
                "Layers are not in the same region as the function. "
                f"Layers are expected to be in region {region}."
            )
        layer = arn.rsplit(":", 1)[0]
        if find(ctx, arn) is None:
            raise errors.invalid(f"Layer version {arn} does not exist.")
        if parsed and parsed.account != ctx.account:
            ctx.authorise("lambda:GetLayerVersion", arn)
        if layer in seen:
            raise errors.invalid(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn


def codes(ctx: Context, layers: list[str]) -> dict[str, Code]:
    """The code of each layer, in their order."""
    found = ((arn, find(ctx, arn)) for arn in layers)
    return {arn: layer.code for arn, layer in found if layer}
