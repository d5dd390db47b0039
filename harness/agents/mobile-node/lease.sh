#!/bin/sh
# Called by udhcpc: tells what was leased and leaves the device alone, for the mobile node owns the address itself.
case "$1" in
  bound | renew) echo "lease $ip ${router%% *} $lease" ;;
esac
