"""The SaaS's part of a tenant's function. The snippet shares its process: the function's role is what holds it."""

import snippet


def handler(event, context):
    if "ping" in event:  # the deployer asks whether this version can go live
        return {"ready": callable(snippet.on_event)}
    return snippet.on_event(event["event"])
