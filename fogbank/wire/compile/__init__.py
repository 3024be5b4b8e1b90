"""The compiler: a service model in, Python source per operation and protocol out."""
