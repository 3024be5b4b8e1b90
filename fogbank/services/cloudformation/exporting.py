"""ListExports, ListImports."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.cloudformation import cloudformation, exports
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.pages import page_of, token_after
from fogbank.services.cloudformation.records import Export

_PAGE = 100


@cloudformation.operation
def list_exports(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found = list(ctx.tx.scan(Export, ctx.account, ctx.region))
    return {
        "Exports": [
            {"ExportingStackId": export.stack_id, "Name": export.name, "Value": export.value}
            for export in page_of(req, found, _PAGE)
        ],
        "NextToken": token_after(req, found, _PAGE),
    }


@cloudformation.operation
def list_imports(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["ExportName"]
    if ctx.tx.get(Export, ctx.account, ctx.region, name) is None:
        raise validation(f"Export '{name}' does not exist.")
    found = exports.importers(ctx, name)
    if not found:
        raise validation(f"Export '{name}' is not imported by any stack.")
    return {"Imports": page_of(req, found, _PAGE), "NextToken": token_after(req, found, _PAGE)}
