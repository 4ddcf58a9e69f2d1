"""PostgreSQL and Valkey out of Python wheels, for a server that was given no `DATABASE_URL` or `REDIS_URL`. Nothing
here needs Django to be set up."""
