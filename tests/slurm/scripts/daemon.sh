#!/usr/bin/env bash
# daemon.sh DIR NAME: starts one daemon of the cluster in DIR (munged, mariadbd, slurmdbd, slurmctld, or a node's
# slurmd) and keeps its pid in DIR/run/NAME.daemon. To crash one: kill -9 that pid; a node dies with all its jobs.
set -euo pipefail
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DIR=$1 NAME=$2
export SLURM_CONF="$DIR/slurm.conf"
case $NAME in
munged) set -- munged --foreground --force --socket="$DIR/munge/munge.socket" --key-file="$DIR/munge/munge.key" \
  --pid-file="$DIR/run/munged.pid" --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/seed" --num-threads=4 ;;
mariadbd) data=$(cat "$DIR/run/mysql.dir")/data
  set -- mariadbd --no-defaults --user=root --datadir="$data" --socket="$DIR/run/my.sock" --skip-networking \
    --pid-file="$DIR/run/mariadbd.pid" --innodb-buffer-pool-size=64M --innodb-log-file-size=8M \
    --innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=0 --innodb-lock-wait-timeout=900 ;;
slurmdbd) export MYSQL_UNIX_PORT="$DIR/run/my.sock"; set -- slurmdbd -D ;;
slurmctld) set -- slurmctld -D -f "$DIR/slurm.conf" ;;
*) mkdir -p "$DIR/spool/$NAME"   # with processes and a name of its own, so that its end is theirs; bash reaps, as init does
  set -- unshare --pid --uts --fork --kill-child --mount-proc bash -c \
    'hostname "$1"; slurmd -D -N "$1" -f "$2" & while wait -n || [ $? -lt 127 ]; do :; done' node "$NAME" "$DIR/slurm.conf" ;;
esac
setsid "$@" >>"$DIR/log/$NAME.out" 2>&1 </dev/null &
echo $! >"$DIR/run/$NAME.daemon"
