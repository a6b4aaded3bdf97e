#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Several files, profiles, extends, environment files: the model that comes out runs.
. "$(dirname "$0")/../lib.sh"
import_busybox

project mo <<'E'
services:
  web:
    image: bb
    stop_signal: SIGKILL
    environment: {A: base, B: base}
    env_file: [web.env]
    labels: {com.example: one}
  debug:
    extends: {service: web}
    profiles: [dev]
    environment: {B: debug}
E
printf 'FILE=from-file\nA=never\n' >web.env
printf 'TAG=latest\nNAME=from-dotenv\n' >.env
printf 'services: {web: {environment: {B: "${NAME}"}, hostname: over}}\n' >compose.override.yaml

it 'the override and .env are found' <<'E'
cmp up -d
eq "$(cmp exec -T web sh -c 'echo $A $B $FILE; hostname' | tr '\n' ' ')" 'base from-dotenv from-file over '
eq "$(running mo)" 1
E
it 'a profile adds its services' <<'E'
cmp --profile dev up -d
eq "$(running mo)" 2
eq "$(cmp exec -T debug sh -c 'echo $A $B $FILE')" 'base debug from-file'
E
it '-f takes exactly the files given' <<'E'
cmp --profile dev down
cmp -f compose.yaml up -d
eq "$(cmp exec -T web sh -c 'echo $B')" base
E
it 'config prints a model that means the same' <<'E'
cmp -f compose.yaml config >round.yaml
eq "$(cmp -f round.yaml -p mo config --hash '*')" "$(cmp -f compose.yaml config --hash '*')"
cmp config --format json | jq -e '.services.web.environment.B == "from-dotenv"'
eq "$(cmp config --services)" web
cmp config -q
E
it 'down from another place with -p' <<'E'
cd /
cmp -p mo down -t 0
eq "$(running mo)" 0
E
finish
