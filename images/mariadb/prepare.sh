# Makes the databases that each sandbox gets a copy of. Usage: prepare.sh MARIADBD. Leaves data/, server.cnf and folders,
# the list of its folders, in the working folder: of a preparation only files are kept.
set -eu
mariadbd=$1
work=$(pwd)
# What is kept lives as long as one script: nothing has to survive a crash.
cat >server.cnf <<'END'
[mariadbd]
skip-networking
skip-name-resolve
skip-log-bin
skip-slave-start
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
default-time-zone = +00:00
lc-messages-dir = /usr/share/mysql
local-infile = 1
performance_schema = off
max_connections = 10
thread_cache_size = 0
table_open_cache = 200
table_definition_cache = 400
key_buffer_size = 1M
aria-pagecache-buffer-size = 2M
aria-log-file-size = 8M
query_cache_size = 0
query_cache_type = 0
tmp_table_size = 8M
max_heap_table_size = 8M
innodb_buffer_pool_size = 8M
innodb_log_buffer_size = 1M
innodb_log_file_size = 4M
innodb_data_file_path = ibdata1:5M:autoextend
innodb_temp_data_file_path = ibtmp1:5M:autoextend
innodb_autoextend_increment = 1
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
innodb_doublewrite = 0
innodb_use_native_aio = 0
innodb_read_io_threads = 1
innodb_write_io_threads = 1
innodb_purge_threads = 1
innodb_stats_auto_recalc = 0
innodb_buffer_pool_dump_at_shutdown = 0
innodb_buffer_pool_load_at_startup = 0
innodb_fast_shutdown = 0
END
mkdir data
# Without anybody's rights but those of root, who needs no password: the socket is the sandbox's own.
/usr/bin/mariadb-install-db --defaults-file="$work/server.cnf" --datadir="$work/data" --basedir=/usr \
  --auth-root-authentication-method=normal --skip-name-resolve --cross-bootstrap >/tmp/install 2>&1 || { cat /tmp/install >&2; exit 1; }
test -d data/mysql || { cat /tmp/install >&2; exit 1; }
mkdir -p data/test
# The database that scripts start in: its own default would be Latin-1.
printf 'default-character-set=utf8mb4\ndefault-collation=utf8mb4_general_ci\n' >data/test/db.opt
rm -f data/*.pid data/*.err data/ib_buffer_pool data/ibtmp1 data/aria_log_control.bak
find data -type d >folders
