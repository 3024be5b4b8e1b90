"""Lambda's limits as the account has them now: read from the quota table, never written down twice."""

from __future__ import annotations

from fogbank.api import AwsError, Context, quotas
from fogbank.services.lambda_.records import Function, LayerVersion, Version

CONCURRENCY = "L-B99A9384"
BURST = "L-548AE339"
STORAGE = "L-2ACBD22F"


def concurrency(ctx: Context) -> int:
    return int(quotas.value(ctx.tx, ctx.account, ctx.region, "lambda", CONCURRENCY))


def burst(ctx: Context) -> int:
    """1000 is how Lambda scales now; another value is the burst of an account that scales as Lambda did before."""
    return int(quotas.value(ctx.tx, ctx.account, ctx.region, "lambda", BURST))


def total_code(ctx: Context) -> int:
    """Bytes."""
    return int(quotas.value(ctx.tx, ctx.account, ctx.region, "lambda", STORAGE) * 2**30)


def used_code(ctx: Context) -> int:
    """Bytes of all packages: each version's and each layer version's counts, as on AWS."""
    scope = (ctx.account, ctx.region)
    used = sum(f.settings.code.size for f in ctx.tx.scan(Function, *scope))
    used += sum(v.settings.code.size for v in ctx.tx.scan(Version, *scope))
    return used + sum(layer.code.size for layer in ctx.tx.scan(LayerVersion, *scope))


def check_code(ctx: Context, size: int) -> None:
    """Raises CodeStorageExceededException where `size` more bytes do not fit."""
    if used_code(ctx) + size > total_code(ctx):
        raise AwsError("CodeStorageExceededException", "Code storage limit exceeded.", Type="User")
