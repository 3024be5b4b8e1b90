"""Durable functions: executions that last longer than an invocation, kept by checkpoints and resumed by replay."""
