#!/usr/bin/env bash
# up.sh DIR: a throw-away Slurm on this machine, as root, without systemd. Then `. DIR/env.sh`; down.sh DIR ends it.
#   ACCT=dbd|none   with or without slurmdbd and MariaDB      MAX_JOBS, MIN_JOB_AGE, ENFORCE: as in slurm.conf
#   NODES           nodes by partition, see below             CPUS, MEM_MB: what each node claims to have
# DIR holds everything and must be short: a unix socket's path has at most 107 bytes.
set -euo pipefail
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin   # not the caller's: another cluster's may lead it
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:?usage: up.sh DIR}"
DIR=$(cd "$1" && pwd -P)
ACCT=${ACCT:-dbd} MAX_JOBS=${MAX_JOBS:-20000} MIN_JOB_AGE=${MIN_JOB_AGE:-3600} ENFORCE=${ENFORCE:-ALL}
CPUS=${CPUS:-8} MEM_MB=${MEM_MB:-64000}
NODES=${NODES:-cpu=c1,c2 gpu=g1 frail=f1,f2 frail_sacct=h1,h2 preempt=p1 preempt_grace=q1 pilots=k1,k2}
HOST=$(hostname -s 2>/dev/null || uname -n) HOST=${HOST%%.*}

say() { printf '[cluster %5.2fs] %s\n' "$(awk "BEGIN{print $(date +%s.%N)-$T0}")" "$*" >&2; }
die() { say "ERROR: $*"; exit 1; }
T0=$(date +%s.%N)
[ "$(id -u)" = 0 ] || die "must run as root"
[ ${#DIR} -le 60 ] || die "$DIR is longer than 60 characters"
rm -rf "$DIR"/{state,spool,run,log,munge,dev,bin}
mkdir -p "$DIR"/{state,spool,run,log,munge,dev,bin}
chmod 755 "$DIR" "$DIR/munge"
export SLURM_CONF="$DIR/slurm.conf"

# --- names, ports
nodes=(); for group in $NODES; do IFS=, read -ra some <<<"${group#*=}"; nodes+=("${some[@]}"); done
busy() { (exec 3<>/dev/tcp/127.0.0.1/"$1") 2>/dev/null; }
free_block() { local base=16817 i
  while [ $base -lt 30000 ]; do
    for ((i = 0; i < ${#nodes[@]} + 2; i++)); do busy $((base + i)) && { base=$((base + 50)); continue 2; }; done
    echo $base; return
  done; die "no free ports"; }
BASE=$(free_block)

# --- slurm.conf, gres.conf, slurmdbd.conf
node_lines() { local i=2 gres node
  for node in "${nodes[@]}"; do
    gres=; [[ $node == g* ]] && gres="Gres=gpu:2"
    echo "NodeName=$node NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((BASE + i)) CPUs=$CPUS RealMemory=$MEM_MB $gres State=UNKNOWN"
    i=$((i + 1))
  done; }
partition_lines() { local group name more
  for group in $NODES; do name=${group%%=*}
    more="PriorityTier=10 PreemptMode=OFF"
    [[ $name = preempt || $name = pilots ]] && more="PriorityTier=1 PreemptMode=REQUEUE GraceTime=0"
    [ "$name" = preempt_grace ] && more="PriorityTier=1 PreemptMode=REQUEUE GraceTime=3"
    [ "$name" = cpu ] && more+=" Default=YES"
    echo "PartitionName=$name Nodes=${group#*=} MaxTime=1440 DefaultTime=10 DefMemPerCPU=256 $more State=UP"
  done
  echo "PartitionName=urgent Nodes=ALL MaxTime=INFINITE DefaultTime=10 DefMemPerCPU=256 PriorityTier=20 PreemptMode=OFF State=UP"; }
accounting_lines() { if [ "$ACCT" = dbd ]; then cat <<C
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((BASE + 1))
AccountingStoragePass=$DIR/munge/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
C
  else echo AccountingStorageType=accounting_storage/none; fi; }
{ DIR=$DIR HOST=$HOST PORT=$BASE MAX_JOBS=$MAX_JOBS MIN_JOB_AGE=$MIN_JOB_AGE ENFORCE=$ENFORCE \
    perl -pe 's/@(\w+)@/$ENV{$1}/g' "$HERE/slurm.conf.in"
  accounting_lines; node_lines; partition_lines; } >"$SLURM_CONF"
: >"$DIR/gres.conf"
for node in "${nodes[@]}"; do [[ $node == g* ]] || continue
  for k in 0 1; do mknod "$DIR/dev/$node-$k" c 1 3; done   # copies of /dev/null: plain files give no CUDA_VISIBLE_DEVICES
  echo "NodeName=$node Name=gpu File=$DIR/dev/$node-[0-1]" >>"$DIR/gres.conf"
done
(umask 077; cat >"$DIR/slurmdbd.conf" <<C
AuthType=auth/munge
AuthInfo=socket=$DIR/munge/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((BASE + 1))
SlurmUser=root
LogFile=$DIR/log/slurmdbd.log
PidFile=$DIR/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
C
)

# --- commands of this cluster: the plugin drops SLURM_CONF before its srun, so they set it themselves
for command in srun sbatch scancel sacct sacctmgr sinfo squeue scontrol sstat; do
  path=$(command -v $command) || continue
  printf '#!/bin/sh\nSLURM_CONF=%s; export SLURM_CONF\nexec %s "$@"\n' "$DIR/slurm.conf" "$path" >"$DIR/bin/$command"
  chmod 755 "$DIR/bin/$command"
done

# --- daemons
wait_for() { local end=$((SECONDS + $1)) what=$2; shift 2
  until timeout 30 "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { tail -n 5 "$DIR"/log/* >&2; "$HERE/down.sh" "$DIR"; die "$what did not come up"; }
    sleep 0.05
  done; say "$what up"; }
(umask 077; head -c 1024 /dev/urandom >"$DIR/munge/munge.key")
"$HERE/daemon.sh" "$DIR" munged
if [ "$ACCT" = dbd ]; then
  data=$(mktemp -d /dev/shm/slurm-test.XXXXXX); echo "$data" >"$DIR/run/mysql.dir"   # on a disk it takes 5 s longer
  mariadb-install-db --no-defaults --user=root --auth-root-authentication-method=normal --skip-test-db \
    --datadir="$data/data" --innodb-log-file-size=8M --innodb-flush-method=nosync >"$DIR/log/install-db" 2>&1
  "$HERE/daemon.sh" "$DIR" mariadbd
  wait_for 120 mariadbd mariadb --no-defaults -S "$DIR/run/my.sock" -u root -e 'CREATE DATABASE slurm_acct_db'
fi
wait_for 120 munged munge -n -S "$DIR/munge/munge.socket"
if [ "$ACCT" = dbd ]; then
  "$HERE/daemon.sh" "$DIR" slurmdbd
  wait_for 120 slurmdbd sacctmgr -n list cluster
fi
"$HERE/daemon.sh" "$DIR" slurmctld
for node in "${nodes[@]}"; do "$HERE/daemon.sh" "$DIR" "$node"; done
echo "export SLURM_CONF='$DIR/slurm.conf' PATH='$DIR/bin':\"\$PATH\"" >"$DIR/env.sh"
wait_for 120 slurmctld scontrol ping
wait_for 120 "${#nodes[@]} nodes" sh -c "[ \$(sinfo -h -N -t idle -o %N | sort -u | wc -l) = ${#nodes[@]} ]"
