#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The number of replicas: scale, --scale, deploy.replicas.
. "$(dirname "$0")/../lib.sh"
import_busybox

project sc <<'E'
services:
  web:
    image: bb
    stop_signal: SIGKILL
    deploy:
      replicas: 2
  db:
    image: bb
    stop_signal: SIGKILL
E

it 'deploy.replicas is what up starts' <<'E'
cmp up -d
eq "$(running sc)" 3
eq "$(state_of sc-web-2)" running
E

it 'scale adds and keeps what runs' <<'E'
one=$(pid_of sc-web-1)
cmp scale web=5
eq "$(running sc)" 6
eq "$(pid_of sc-web-1)" "$one"
eq "$(state_of sc-web-5)" running
E

it 'scale takes several services' <<'E'
cmp scale web=3 db=2
eq "$(running sc)" 5
fails api GET containers/sc-web-4
E

it 'every replica has its own address' <<'E'
for i in 1 2 3; do addr_of sc-web-$i; done | sort -u >addresses
eq "$(wc -l <addresses)" 3
fails grep -q null addresses
E

it 'up --scale wins over the file' <<'E'
cmp up -d --scale web=1
eq "$(running sc)" 2
E

it 'scale to zero' <<'E'
cmp scale web=0 db=0
eq "$(running sc)" 0
E

it 'a service that is not there is named' <<'E'
fails cmp scale nosuch=2 2>err
has "$(cat err)" nosuch
E

it 'twenty at once' <<'E'
cmp scale web=20
eq "$(running sc)" 20
cmp scale web=1
eq "$(running sc)" 1
E

finish
