"""The addresses of deployed APIs: routing, authorization, validation, integrations, responses."""
