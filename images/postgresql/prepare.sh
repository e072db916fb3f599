# Makes the database that each sandbox gets a copy of. Usage: prepare.sh POSTGRES. Leaves data/ and folders, the list of
# its folders, in the working folder: of a preparation only files are kept.
set -eu
bin=$(dirname "$1")
"$bin/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --wal-segsize=1 \
  --no-sync --no-instructions >/tmp/initdb 2>&1 || { cat /tmp/initdb >&2; exit 1; }
# What is kept of it lives as long as one script: nothing has to survive a crash, and nothing runs in the background.
cat >>data/postgresql.conf <<'END'
listen_addresses = ''
max_connections = 12
superuser_reserved_connections = 1
shared_buffers = 8MB
max_wal_size = 32MB
min_wal_size = 2MB
wal_level = minimal
max_wal_senders = 0
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
jit = off
bgwriter_lru_maxpages = 0
checkpoint_timeout = 1d
max_worker_processes = 4
max_parallel_workers_per_gather = 0
max_logical_replication_workers = 0
restart_after_crash = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = fatal
update_process_title = off
dynamic_shared_memory_type = mmap
END
# One template is enough, and template0 is the copy of it that nobody uses.
"$bin/postgres" --single -D data -F template1 >/tmp/single 2>&1 <<'END'
UPDATE pg_database SET datistemplate = false, datallowconn = true WHERE datname = 'template0'
DROP DATABASE template0
CHECKPOINT
END
test "$(ls data/base | wc -l)" -le 3 || { cat /tmp/single >&2; exit 1; }
find data -type d >folders
