"""IAM of the sandbox: an evaluator by action and resource ARN over the identities that moto's IAM backend keeps."""
