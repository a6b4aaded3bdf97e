#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# docker compose version 2, unmodified, where it is there.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/docker.sh"
import_busybox
mkdir -p "$WORK/stack"
cat >"$WORK/stack/compose.yaml" <<'Y'
name: trace
services:
  db:
    image: bb
    command: [sh, -c, "echo db ready; httpd -f -p 80 -h /data"]
    stop_signal: KILL
    healthcheck: {test: [CMD, "true"], interval: 1s}
    volumes: [data:/data]
    networks: [back]
  web:
    image: bb
    command: [httpd, -f, -p, "80", -h, /data]
    ports: ["127.0.0.1:0:80"]
    depends_on: {db: {condition: service_healthy}}
    networks: [default, back]
    restart: unless-stopped
    stop_signal: KILL
    deploy: {resources: {limits: {cpus: "0.5", memory: 64M}}}
  worker:
    image: bb
    command: [sh, -c, "echo working; sleep 1000"]
    stop_signal: KILL
volumes: {data: {}}
networks: {back: {}}
Y
cd "$WORK/stack"

it 'up waits for health, and is repeatable' <<'E'
need_compose
compose up -d
eq "$(docker ps --format '{{.Names}}' | sort | tr '\n' ' ')" 'trace-db-1 trace-web-1 trace-worker-1 '
ids=$(docker ps -q | sort)
compose up -d
eq "$(docker ps -q | sort)" "$ids"
E
it 'ps, ls, logs, top, port, images' <<'E'
need_compose
eq "$(compose ps --services | sort | tr '\n' ' ')" 'db web worker '
has "$(compose ls)" 'running(3)'
has "$(compose logs db)" 'db ready'
has "$(compose top worker)" 'sleep 1000'
port=$(compose port web 80 | sed 's/.*://')
within 5 holds "eq \"\$(curl -s http://127.0.0.1:$port/seed)\" from-the-image"
has "$(compose images)" bb
E
it 'exec and names' <<'E'
need_compose
eq "$(compose exec -T web wget -q -O - http://db/seed)" from-the-image
exits 3 compose exec -T worker sh -c 'exit 3'
E
it 'run, scale, recreate' <<'E'
need_compose
eq "$(compose run --rm -T worker echo one-off 2>/dev/null)" one-off
compose up -d --scale worker=3
eq "$(compose ps worker --format '{{.Name}}' | wc -l)" 3
compose up -d --scale worker=1
before=$(docker inspect -f '{{.Id}}' trace-worker-1)
compose up -d --force-recreate --no-deps worker
fails eq "$(docker inspect -f '{{.Id}}' trace-worker-1)" "$before"
E
it 'stop, start, restart, pause, kill, rm' <<'E'
need_compose
compose stop worker
compose start worker
compose restart -t 0 worker
compose pause db
compose unpause db
compose kill worker
compose rm -fsv worker
eq "$(compose ps -a --services | sort | tr '\n' ' ')" 'db web '
E
it 'up in the foreground shows the logs, and ends with the containers' <<'E'
need_compose
mkdir -p ../fg; cd ../fg
printf 'services: {a: {image: bb, command: [sh, -c, "echo said; exit 4"], stop_signal: KILL}}\n' >compose.yaml
exits 4 compose up --exit-code-from a >out 2>&1
has "$(cat out)" said
compose down
E
it 'configs and secrets that are given inline; cp' <<'E'
need_compose
mkdir -p ../inline; cd ../inline
cat >compose.yaml <<'Y'
services:
  a:
    image: bb
    stop_signal: KILL
    configs: [{source: c, target: /etc/c.conf}]
    secrets: [s]
configs: {c: {content: "in the file"}}
secrets: {s: {environment: SECRET}}
Y
SECRET=whisper compose up -d
eq "$(compose exec -T a cat /etc/c.conf /run/secrets/s)" 'in the filewhisper'
echo copied >f
SECRET=x compose cp f a:/tmp/f
SECRET=x compose cp a:/tmp/f g
eq "$(cat g)" copied
SECRET=x compose down
E
it 'the same project for cmp' <<'E'
need_compose
has "$(cmp -p trace ps -a)" trace-db-1
E
it 'down takes everything away' <<'E'
need_compose
compose down -v
eq "$(docker ps -aq)$(docker volume ls -q)" ''
eq "$(docker network ls --filter type=custom -q)" ''
E
docker_finish
