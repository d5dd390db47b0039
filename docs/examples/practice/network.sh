#!/bin/sh
# A network to practise on: the device "acme" with four links, the other ends in namespaces of their own.
#
#     mn ----+
#     fa ----+---- acme ---- home
#     cn ----+
#
# network.sh up builds it, network.sh down takes it away. Nothing outside of these five namespaces is touched.
set -eu

set_in() { # namespace, setting below /proc/sys/net, value
  ip netns exec "$1" sh -c 'echo "$2" > "/proc/sys/net/$1"' sh "$2" "$3"
}

add() { # namespace, address, device
  case $2 in
  *:*) ip -n "$1" address add "$2" dev "$3" nodad ;;
  *) ip -n "$1" address add "$2" dev "$3" ;;
  esac
}

link() { # namespace, its addresses, the device's addresses
  name=$1
  ip netns add "$name"
  ip link add eth0 netns "$name" type veth peer name "${name}0" netns acme
  for address in $2; do add "$name" "$address" eth0; done
  for address in $3; do add acme "$address" "${name}0"; done
  ip -n "$name" link set lo up
  ip -n "$name" link set eth0 up
  ip -n acme link set "${name}0" up
}

case "${1:-}" in
up)
  ip netns add acme
  ip -n acme link set lo up
  set_in acme ipv4/ip_forward 1
  set_in acme ipv6/conf/all/forwarding 1
  link mn "10.10.0.2/16" "10.10.0.1/16"
  link fa "10.11.0.2/16" "10.11.0.1/16"
  link cn "10.12.0.2/16 2001:db8:c::2/64" "10.12.0.1/16 2001:db8:c::1/64"
  link home "10.1.0.2/16 2001:db8:1::2/64" "10.1.0.1/16 2001:db8:1::1/64"
  for name in mn fa cn home; do
    gateway=$(ip -n acme -4 -o address show dev "${name}0" | sed 's/.*inet \([0-9.]*\).*/\1/')
    ip -n "$name" route add default via "$gateway"
    set_in "$name" ipv4/conf/all/rp_filter 0
    set_in "$name" ipv4/conf/eth0/rp_filter 0
  done
  ip -n cn -6 route add default via 2001:db8:c::1
  ip -n home -6 route add default via 2001:db8:1::1
  # The care-of addresses of the mobile nodes that the harness plays.
  ip -n mn route add local 10.10.128.0/17 dev lo
  ;;
down)
  for name in mn fa cn home acme; do ip netns delete "$name" 2>/dev/null || true; done
  ;;
*)
  echo "usage: network.sh up | down" >&2
  exit 64
  ;;
esac
