"""Pages and API in production: threads, because a request waits for the database most of its time."""

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = 2
threads = 8
timeout = 60
graceful_timeout = 20
keepalive = 30
max_requests = 20_000
max_requests_jitter = 2_000
# Its sign of life is a file; a disk could make a healthy worker look stuck.
worker_tmp_dir = "/dev/shm"
# The front proxy is the only way in.
forwarded_allow_ips = "*"
accesslog = None
