"""Small, pure, shared: ARNs, identifiers, paging, tags. Imports nothing of Fogbank's."""
