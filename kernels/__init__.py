"""Device code: the only folder that imports the kernel language. No files, no configuration, no policy."""
