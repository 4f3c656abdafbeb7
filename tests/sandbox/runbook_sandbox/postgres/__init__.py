"""A real PostgreSQL on this machine, for the databases of the AWS sandbox: where it comes from, its data, its servers."""
