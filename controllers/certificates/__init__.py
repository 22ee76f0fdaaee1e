"""CertificateSigningRequests: approved for kubelets, signed once approved, removed in time."""
