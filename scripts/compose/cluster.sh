#!/bin/sh
# Makes one cluster of nodes that are named in pairs, master:replica, or finds that they are one, whichever of a
# pair is the master by now. Each step may be repeated, so that it runs at every start.
set -eu

SLOTS=16384
LIMIT_SECONDS=60

REDISCLI_AUTH=$(cat /run/secrets/password)
export REDISCLI_AUTH

nodes=$(echo "$@" | tr : ' ')

at() {
  host=$1
  shift
  redis-cli -e -h "$host" "$@"
}
info() { at "$1" CLUSTER INFO | tr -d '\r' | sed -n "s/^$2://p"; }

# Waits until a command succeeds.
until_so() {
  left=$LIMIT_SECONDS
  until "$@"; do
    [ "$left" -gt 0 ] || { echo "not so after $LIMIT_SECONDS s: $*" >&2 && exit 1; }
    left=$((left - 1))
    sleep 1
  done
}
knows_all() { [ "$(info "$1" cluster_known_nodes)" -ge "$2" ]; }
is_well() { [ "$(info "$1" cluster_state)" = ok ]; }
is_up_to_date() { ! at "$1" INFO replication | grep -q master_link_status:down; }
has_no_slot() { at "$1" CLUSTER NODES | awk '/myself,master/ && NF == 8' | grep -q .; }

# By address: that is how nodes know one another.
for node in $nodes; do
  address=$(getent ahostsv4 "$node" | awk 'NR == 1 { print $1 }')
  for other in $nodes; do
    [ "$node" = "$other" ] || at "$other" CLUSTER MEET "$address" 6379 >/dev/null
  done
done
# shellcheck disable=SC2086
for node in $nodes; do until_so knows_all "$node" "$(set -- $nodes && echo $#)"; done

# Each master gets its part of the slots, unless they have owners.
index=0
for pair; do
  node=${pair%:*}
  if has_no_slot "$node" && [ "$(info "$node" cluster_slots_assigned)" -lt $SLOTS ]; then
    at "$node" CLUSTER ADDSLOTSRANGE $((SLOTS * index / $#)) $((SLOTS * (index + 1) / $# - 1))
  fi
  index=$((index + 1))
done
for pair; do
  node=${pair#*:}
  if has_no_slot "$node"; then
    until_so at "$node" CLUSTER REPLICATE "$(at "${pair%:*}" CLUSTER MYID)"
  fi
done

for node in $nodes; do
  until_so is_well "$node"
  until_so is_up_to_date "$node"
done
at "$node" CLUSTER NODES
