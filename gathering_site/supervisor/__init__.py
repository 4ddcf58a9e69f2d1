"""What `manage.py up` becomes: a small process that starts PostgreSQL, Valkey, the server, a worker and beat, shows
their logs, starts again what dies, and stops them all. It loads neither Django's models nor Celery, to stay small."""
