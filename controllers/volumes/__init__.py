"""Claims and volumes: binding, provisioning, release, and protection while in use."""
