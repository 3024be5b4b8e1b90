"""The policy language: documents, matching, conditions, the evaluation of all policy kinds."""
