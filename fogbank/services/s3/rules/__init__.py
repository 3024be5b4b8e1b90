"""S3's pure decisions: no store, no clock, no I/O."""
