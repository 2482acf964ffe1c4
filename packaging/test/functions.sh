# For the scripts beside it; to be sourced. Every check prints a line, and the first that fails ends the script.

say() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; }
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# expect STATUS TEXT COMMAND…: the exit status, and a text in stdout or stderr ("" for any).
expect() {
  local wanted=$1 text=$2 status=0 output
  shift 2
  output=$("$@" 2>&1) || status=$?
  [ "$status" -eq "$wanted" ] || fail "exit $status instead of $wanted: $*
$output"
  case "$output" in
    *"$text"*) echo "ok: exit $status${text:+, \"$text\"}: ${*##*/}" | cut -c1-200 ;;
    *) fail "no \"$text\" in the output of: $*
$output" ;;
  esac
}

# clean_debian DIR: a Debian 12 with apt and nothing else. Made once, and kept.
clean_debian() {
  local kept=build/roots/debian-12.tar
  if [ ! -e "$kept" ]; then
    mkdir -p "${kept%/*}"
    mmdebstrap --quiet --mode=root --variant=apt --format=tar bookworm "$kept.new" "$(.ci/debian-mirror)" >/dev/null
    mv "$kept.new" "$kept"
  fi
  mkdir "$1"
  tar -C "$1" -x --numeric-owner -f "$kept"
  # The way to the archive is this machine's.
  cp -L /etc/resolv.conf "$1/etc/resolv.conf"
}

# apt_in ROOT ARGUMENT…: says something only where apt fails.
apt_in() {
  local root=$1 output
  shift
  output=$(DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -y -qq "$@" 2>&1) || fail "apt-get $*
$output"
}

# The program with-crdb-double of a build with tests, or nothing.
crdb_double() {
  local program
  for program in build/*/bin/with-crdb-double; do
    [ ! -x "$program" ] || { echo "$program"; break; }
  done
}

# inside ROOT USER COMMAND…: in a root, with nothing of this environment.
inside() {
  local root=$1 user=$2
  shift 2
  chroot --userspec="$user" "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin LC_ALL=C.UTF-8 HOME=/ DB_DSN="${DB_DSN:-}" "$@"
}

# The same with /proc, in a mount namespace that ends with the command. Programs need none; the conformance kit starts itself by it.
inside_with_proc() {
  local root=$1 user=$2
  shift 2
  unshare --mount /bin/sh -c 'mount -t proc proc "$1/proc" && user=$2 root=$1 && shift 2 && exec "$0" --userspec="$user" "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin LC_ALL=C.UTF-8 HOME=/ "$@"' \
    "$chroot" "$root" "$user" "$@"
}

# in_image ROOT COMMAND…: as the image's user, on a file system that nobody can write but for the volume /data where there is one.
in_image() {
  local root=$1
  shift
  env -i PATH=/usr/bin:/usr/sbin DB_DSN="${DB_DSN:-}" unshare --mount /bin/sh -c '
    root=$1 && shift && mount --bind "$root" "$root" && { [ ! -d "$root/data" ] || mount --bind "$root/data" "$root/data"; } &&
      mount -o remount,bind,ro "$root" && exec setpriv --no-new-privs chroot --userspec=65532:65532 "$root" "$@"' sh "$root" "$@"
}
chroot=$(command -v chroot)

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A PostgreSQL on loopback, below DIR: sets postgres_port, and postgres_dsn DATABASE prints a DSN whose password counts.
start_postgres() {
  local bin=/usr/lib/postgresql/15/bin directory=$1/postgres
  postgres_port=$(free_port)
  postgres_password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  mkdir "$directory"
  printf '%s' "$postgres_password" >"$directory/password"
  chown -R postgres: "$directory"
  as_postgres "$bin/initdb" -D "$directory/data" -U talos -A scram-sha-256 --pwfile="$directory/password" --no-sync >/dev/null
  as_postgres "$bin/pg_ctl" -D "$directory/data" -w -l "$directory/log" \
    -o "-p $postgres_port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off" start >/dev/null
  postgres_directory=$directory
}
stop_postgres() {
  [ -z "${postgres_directory:-}" ] || as_postgres /usr/lib/postgresql/15/bin/pg_ctl -D "$postgres_directory/data" -m immediate stop >/dev/null || true
  postgres_directory=
}
as_postgres() { (cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
postgres_dsn() { echo "postgres://talos:$postgres_password@127.0.0.1:$postgres_port/$1?sslmode=disable"; }
query() { PGPASSWORD=$postgres_password psql -h 127.0.0.1 -p "$postgres_port" -U talos -d "${2:-postgres}" -XAtc "$1"; }

# A MySQL on loopback, below DIR, where .ci/mysql-server has put one: its users log in by caching_sha2_password. $mysql_dsn is then the
# DSN of a user with a password.
start_mysql() {
  local here=$PWD/build/servers/mysql-9 directory=$1/mysql password
  mysql_dsn=
  if [ ! -x "$here/bin/mysqld" ]; then
    [ "${CI:-}" != true ] || fail "there is no MySQL: .ci/mysql-server"
    echo "skipped: no MySQL here (.ci/mysql-server)"
    return
  fi
  mkdir -p "$directory/data" "$directory/tmp"
  password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  local port options
  port=$(free_port)
  options=(--no-defaults --user=root --basedir="$here" --lc-messages-dir="$here/share" --character-sets-dir="$here/share/charsets"
    --plugin-dir="$here/plugin" --secure-file-priv= --loose-mysqlx=OFF --innodb-redo-log-capacity=32M --datadir="$directory/data"
    --tmpdir="$directory/tmp")
  "$here/bin/mysqld" "${options[@]}" --initialize-insecure >"$directory/log" 2>&1 || fail "MySQL: $(tail -n 5 "$directory/log")"
  cat >"$directory/init.sql" <<EOF
CREATE DATABASE talos;
CREATE USER talos@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '$password';
GRANT ALL ON talos.* TO talos@'127.0.0.1';
EOF
  "$here/bin/mysqld" "${options[@]}" --init-file="$directory/init.sql" --bind-address=127.0.0.1 --port="$port" --socket="$directory/socket" \
    --pid-file="$directory/pid" --skip-name-resolve --skip-log-bin >>"$directory/log" 2>&1 &
  mysql_process=$!
  local deadline=$((SECONDS + 120))
  until [ -S "$directory/socket" ] && grep -q 'ready for connections' "$directory/log"; do
    [ "$SECONDS" -lt "$deadline" ] && kill -0 "$mysql_process" 2>/dev/null || fail "MySQL: $(tail -n 5 "$directory/log")"
    sleep 0.1
  done
  mysql_dsn="mysql://talos:$password@tcp(127.0.0.1:$port)/talos"
}
stop_mysql() {
  [ -n "${mysql_process:-}" ] || return 0
  kill -KILL "$mysql_process" 2>/dev/null || true
  wait "$mysql_process" 2>/dev/null || true
  mysql_process=
}
