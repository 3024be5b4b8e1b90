"""What runs beside user code: the builder of the root file system, the zygote, the init, the runtime clients."""
