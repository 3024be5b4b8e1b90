"""From an OpenAPI document (2.0 or 3.0, with API Gateway's extensions) to a definition."""
