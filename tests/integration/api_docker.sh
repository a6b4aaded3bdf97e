#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The docker command line, unmodified.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/docker.sh"
import_busybox

it 'version and info' <<'E'
has "$(docker version --format '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}')" '1.51 1.24 linux'
eq "$(docker info --format '{{.Containers}} {{.Images}} {{.OSType}} {{.Swarm.LocalNodeState}}')" '0 1 linux inactive'
E
it 'run: output, errors and the exit code' <<'E'
eq "$(docker run --rm bb echo hi)" hi
exits 7 docker run --rm bb sh -c 'echo out; echo err >&2; exit 7' >out 2>err
eq "$(cat out)" out
eq "$(cat err)" err
eq "$(docker ps -aq)" ''
E
it 'run: standard input, and its end' <<'E'
eq "$(echo through | docker run -i --rm bb cat)" through
eq "$(head -c 3000000 /dev/zero | docker run -i --rm bb wc -c)" 3000000
eq "$(docker run --rm bb cat </dev/null)" ''
E
it 'run: much output arrives whole' <<'E'
eq "$(docker run --rm bb sh -c 'i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done' | md5sum)" \
	"$(i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done | md5sum)"
E
it 'run under a terminal' <<'E'
has "$(terminal "'$DOCKER_CLI' -H unix://$SOCK run --rm -it bb sh -c 'tty; echo \$TERM'")" /dev/pts
has "$(echo 'echo typed-$((40+2)); exit' | terminal "'$DOCKER_CLI' -H unix://$SOCK run --rm -it bb sh")" typed-42
E
it 'detach keys leave a terminal' <<'E'
docker run -dit --name dk bb sh
{ sleep 1; printf '\020\021'; sleep 1; } | terminal "'$DOCKER_CLI' -H unix://$SOCK attach dk" || true
eq "$(docker inspect -f '{{.State.Running}}' dk)" true
docker rm -f dk
E
it 'run: what cannot be started says so with the exit codes of shells' <<'E'
exits 127 docker run --rm bb nosuchcmd 2>err
has "$(cat err)" 'exec: "nosuchcmd": executable file not found in $PATH'
exits 126 docker run --rm bb /etc/passwd 2>err
has "$(cat err)" 'permission denied'
exits 125 docker run --rm -u nobodyhere bb true 2>err
has "$(cat err)" 'unable to find user nobodyhere'
exits 125 docker run --rm --cap-add FOO bb true 2>err
has "$(cat err)" 'unknown capability: "CAP_FOO"'
eq "$(docker ps -aq)" ''
E
it 'a container through its life' <<'E'
docker run -d --name life --stop-signal KILL bb
eq "$(docker inspect -f '{{.State.Status}} {{.State.Running}}' life)" 'running true'
docker pause life
has "$(docker ps --format '{{.Status}}')" '(Paused)'
fails docker exec life true 2>err
has "$(cat err)" 'is paused, unpause the container before exec'
docker unpause life
docker stop life
eq "$(docker ps -q)" ''
has "$(docker ps -a --format '{{.Status}}')" 'Exited (137)'
docker start life
docker restart -t 0 life
docker rename life lives
fails docker rm lives 2>err
has "$(cat err)" 'container is running: stop the container before removing or force remove'
docker kill lives
fails docker kill lives 2>err
has "$(cat err)" 'is not running'
docker rm lives
E
it 'wait tells the exit code, next-exit before the start' <<'E'
docker run -d --name w1 bb sh -c 'sleep 0.5; exit 4'
eq "$(docker wait w1)" 4
eq "$(docker wait w1)" 4
docker start w1
eq "$(docker wait w1)" 4
docker rm w1
E
it 'exec: output, input, code, user, environment' <<'E'
docker run -d --name ex -e A=1 bb
eq "$(docker exec ex sh -c 'echo $A')" 1
eq "$(echo in | docker exec -i ex cat)" in
exits 5 docker exec ex sh -c 'exit 5'
eq "$(docker exec -u app ex id -u)" 1000
eq "$(docker exec -e B=2 -w /tmp ex sh -c 'echo $B; pwd')" "2
/tmp"
exits 127 docker exec ex nosuch >out 2>&1
has "$(cat out)" 'executable file not found'
docker exec -d ex touch /tmp/made
within 5 docker exec ex test -e /tmp/made
has "$(terminal "'$DOCKER_CLI' -H unix://$SOCK exec -it ex tty")" /dev/pts
docker rm -f ex
E
it 'logs: tail, since, until, timestamps, follow, both streams' <<'E'
docker run -d --name lg bb sh -c 'echo one; echo two >&2; sleep 0.3; echo three'
eq "$(docker logs -f lg 2>err)" "one
three"
eq "$(cat err)" two
eq "$(docker logs --tail 1 lg)" three
has "$(docker logs -t --tail 1 lg)" Z\ three
eq "$(docker logs --until 2020-01-01T00:00:00Z lg 2>&1)" ''
eq "$(docker logs --since 2h lg 2>/dev/null | wc -l)" 2
docker rm lg
E
it 'attach gets what comes from now on' <<'E'
docker run -d --name at bb sh -c 'sleep 1; echo late'
eq "$(docker attach at)" late
docker rm at
E
it 'create and start -a' <<'E'
docker create --name cr -h named -l k=v --entrypoint sh bb -c 'hostname; exit 3'
eq "$(docker ps -a --filter label=k=v --format '{{.Names}} {{.State}}')" 'cr created'
exits 3 docker start -a cr >out
eq "$(cat out)" named
docker rm cr
E
it 'what a container may use' <<'E'
eq "$(docker run --rm --ulimit nofile=99:100 --sysctl net.core.somaxconn=77 bb sh -c 'ulimit -n; cat /proc/sys/net/core/somaxconn')" "99
77"
docker create --name res -m 64m --cpus 0.5 --pids-limit 50 --restart on-failure:3 bb
eq "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.MemorySwap}}' res)" \
	'67108864 500000000 50 on-failure 134217728'
docker rm res
fails docker run --rm --read-only --tmpfs /tmp bb sh -c 'touch /tmp/a && touch /b' 2>err
has "$(cat err)" 'Read-only file system'
eq "$(docker run --rm --network none bb ip -o link | wc -l)" 1
E
it 'limits are changed while it runs, and stay changed' <<'E'
docker run -d --name up -m 64m bb
docker update -m 80m --memory-swap 160m --pids-limit 33 --restart unless-stopped up
eq "$(docker exec up sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null')" 83886080
eq "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}' up)" '83886080 33 unless-stopped'
fails docker update -m 1m up
has "$(docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' up)" 'up '
has "$(docker stats --no-stream --format '{{.MemUsage}}' up)" '/ 80MiB'
docker rm -f up
E
it 'the environment and the entrypoint of the image' <<'E'
docker create --name im -e X=1 bb
eq "$(docker inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{.Path}} {{json .Args}}' im)" '["PATH=/bin","X=1"] ["sleep","1000"] sleep ["1000"]'
docker rm im
E
it 'volumes, binds and mounts' <<'E'
docker volume create --label l=1 vol
eq "$(docker run --rm -v vol:/data bb cat /data/seed)" from-the-image
mkdir host; echo h >host/f
eq "$(docker run --rm -v "$PWD/host:/h:ro" bb cat /h/f)" h
fails docker run --rm -v "$PWD/host:/h:ro" bb touch /h/g
fails docker run --rm --mount type=bind,src=/no/such/dir,dst=/x bb true 2>err
has "$(cat err)" 'bind source path does not exist: /no/such/dir'
docker run -d --name mv -v vol:/data -v /anon bb
eq "$(docker inspect -f '{{range .Mounts}}{{.Type}} {{.Destination}}{{println}}{{end}}' mv | sort | tr '\n' ' ')" ' volume /anon volume /data '
fails docker volume rm vol 2>err
has "$(cat err)" 'volume is in use'
docker rm -fv mv
eq "$(docker volume ls -q)" vol
eq "$(docker volume ls -q --filter label=l=1)" vol
docker volume rm vol
fails docker volume inspect vol
E
it 'networks: names, connect, disconnect' <<'E'
docker network create --label l=1 net1
fails docker network create net1 2>err
has "$(cat err)" 'already exists'
docker run -d --name na --network net1 --network-alias alias bb
docker run --rm --network net1 bb ping -c 1 -W 2 alias
docker run -d --name nb bb
fails docker exec nb ping -c 1 -W 1 na
docker network connect net1 nb
docker exec nb ping -c 1 -W 2 na
eq "$(docker network inspect -f '{{len .Containers}}' net1)" 2
fails docker network rm net1 2>err
has "$(cat err)" 'has active endpoints'
docker network disconnect net1 nb
fails docker exec nb ping -c 1 -W 1 na
docker restart -t 0 nb
docker rm -f na nb
docker network rm net1
has "$(docker network ls --format '{{.Name}}' | sort | tr '\n' ' ')" 'bridge host none'
fails docker network rm bridge
E
it 'links' <<'E'
docker run -d --name target bb
eq "$(docker run --rm --link target:other bb sh -c 'ping -c 1 -W 2 other >/dev/null && ping -c 1 -W 2 target >/dev/null && echo both')" both
fails docker run --rm --link nosuch:x bb true 2>err
has "$(cat err)" 'could not get container for nosuch'
exits 125 docker run --rm --network nosuchnet bb true 2>err
has "$(cat err)" 'network nosuchnet not found'
hasnt "$(cat err)" 'Unable to find image'
docker rm -f target
E
it 'published ports' <<'E'
docker run -d --name web -p 127.0.0.1:0:80 bb httpd -f -p 80 -h /data
port=$(docker port web 80/tcp | sed 's/.*://')
within 5 holds "eq \"\$(curl -s http://127.0.0.1:$port/seed)\" from-the-image"
fails docker run --rm -p 127.0.0.1:$port:80 bb true 2>err
has "$(cat err)" 'port is already allocated'
docker rm -f web
E
it 'health' <<'E'
docker run -d --name hc --health-cmd 'test -e /tmp/ok' --health-interval 1s bb
docker exec hc touch /tmp/ok
within 10 holds 'eq "$(docker inspect -f "{{.State.Health.Status}}" hc)" healthy'
has "$(docker ps --filter health=healthy --format '{{.Names}} {{.Status}}')" '(healthy)'
docker rm -f hc
E
it 'lists and their filters' <<'E'
docker run -d --name f1 -l a=1 bb
docker create --name f2 -l a=2 bb
eq "$(docker ps -aq | wc -l)" 2
eq "$(docker ps --format '{{.Names}}')" f1
eq "$(docker ps -a --filter label=a --format '{{.Names}}' | tr '\n' ' ')" 'f2 f1 '
eq "$(docker ps -a --filter label=a=2 --format '{{.Names}}')" f2
eq "$(docker ps --filter status=created --format '{{.Names}}')" f2
eq "$(docker ps -a --filter name=^/f1$ --format '{{.Names}}')" f1
eq "$(docker ps -n 1 --format '{{.Names}}')" f2
eq "$(docker ps -a --filter ancestor=bb -q | wc -l)" 2
eq "$(docker ps -a --filter before=f2 --format '{{.Names}}')" f1
fails docker ps --filter bogus=1
docker rm -f f1
docker system prune -f
eq "$(docker ps -aq)" ''
E
it 'images: list, inspect, tag, history, remove' <<'E'
eq "$(docker images --format '{{.Repository}}:{{.Tag}}')" bb:latest
docker tag bb other/name:2
eq "$(docker images -q other/name)" "$(docker images -q bb)"
eq "$(docker image inspect -f '{{.Config.Cmd}} {{.Os}}' other/name:2)" '[sleep 1000] linux'
docker history bb
docker create --name usesit bb
docker rmi other/name:2
fails docker rmi bb 2>err
has "$(cat err)" "conflict: unable to"
docker rm usesit
E
it 'import; a pull that fails says why' <<'E'
mkdir -p imp/bin; cp "$(command -v busybox)" imp/bin/busybox; ln -s busybox imp/bin/sh
tar -C imp -c . | docker import -c 'ENV PATH=/bin' -c 'CMD ["sh","-c","echo imported"]' - imported:1
eq "$(docker run --rm imported:1)" imported
docker rmi imported:1
fails docker pull 127.0.0.1:1/nosuch:1 2>err
has "$(cat err)" 'Error response from daemon'
fails docker pull 'BAD/Name' 2>err
exits 125 docker run --rm 127.0.0.1:1/nosuch:1 2>err
has "$(cat err)" "Unable to find image '127.0.0.1:1/nosuch:1' locally"
E
it 'files into and out of a container, running or not' <<'E'
docker create --name cp -v /vol bb
printf 'content\n' >file; mkdir -p dir/sub; echo deep >dir/sub/f; ln -s sub dir/link
docker cp file cp:/tmp/renamed
docker cp dir cp:/home/
docker cp file cp:/vol/
docker cp cp:/data/seed out; eq "$(cat out)" from-the-image
docker start cp
eq "$(docker exec cp cat /tmp/renamed /home/dir/link/f /vol/file)" "content
deep
content"
docker cp file cp:/tmp/running
eq "$(docker exec cp cat /tmp/running)" content
docker cp cp:/home/dir back; eq "$(cat back/sub/f)" deep; eq "$(readlink back/link)" sub
eq "$(docker cp cp:/vol/file - | tar -xO)" content
eq "$(docker cp cp:/bin/sh - | tar tv | sed 's/.* sh/sh/')" 'sh -> busybox'
fails docker cp cp:/no/such . 2>err
has "$(cat err)" no/such
answers 404 'Could not find the file /no/such in container cp' GET '/containers/cp/archive?path=/no/such'
fails docker cp file cp:/data/seed/
docker rm -fv cp
E
it 'diff' <<'E'
docker run -d --name df bb sh -c 'echo n >/tmp/new; echo m >>/data/seed; rm /etc/group; sleep 1000'
within 5 docker exec df sh -c '! test -e /etc/group'
eq "$(docker diff df | sort -k2 | tr '\n' ' ')" 'C /data C /data/seed C /etc D /etc/group C /tmp A /tmp/new '
docker rm -f df
E
it 'export, and an image of it' <<'E'
docker run -d --name exp -v /vol bb sh -c 'echo made >/made; echo v >/vol/v; sleep 1000'
within 5 docker exec exp test -e /vol/v
docker export exp >running.tar
docker stop -t 0 exp
docker export -o stopped.tar exp
for t in running stopped; do
	eq "$(tar -xOf $t.tar made)" made
	eq "$(tar -xOf $t.tar data/seed)" from-the-image
	fails tar -tf $t.tar vol/v
	fails tar -tf $t.tar proc/1
done
docker import -c 'ENV PATH=/bin' -c 'LABEL from=image com.docker.compose.project=evil' - again <stopped.tar
eq "$(docker run --rm again cat /made)" made
# Labels of an image are its containers', but none puts them into a project.
docker create --name lab again true
eq "$(docker inspect -f '{{json .Config.Labels}}' lab)" '{"from":"image"}'
docker rm lab
docker rmi again
docker rm -v exp
E
it 'a container cannot make a copy leave it' <<'E'
mkdir -p outside; echo secret >outside/secret
docker run -d --name evil bb
docker exec evil sh -c "ln -s $PWD/outside /tmp/out; ln -s ../../../../../../..$PWD/outside /tmp/up; ln -s /proc/1/root /tmp/proc"
fails docker cp evil:/tmp/out/secret stolen
fails docker cp evil:/tmp/up/secret stolen
[ ! -e stolen ]
echo planted >planted
docker cp planted evil:/tmp/out/ || true
docker cp planted evil:/tmp/up/ || true
[ ! -e outside/planted ]
docker exec evil sh -c 'rm /tmp/out; mkdir /tmp/t; ln -s / /tmp/t/x'
/usr/bin/python3 - >evil.tar <<'P'
import io, os, sys, tarfile
t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')
def add(name): i = tarfile.TarInfo(name); i.size = 2; t.addfile(i, io.BytesIO(b'x\n'))
l = tarfile.TarInfo('l'); l.type = tarfile.SYMTYPE; l.linkname = os.getcwd() + '/outside'; t.addfile(l); add('l/through-link')
t.close()
P
docker cp - evil:/tmp/t <evil.tar || true
printf 'x' | curl -s -X PUT --unix-socket "$SOCK" --data-binary @- 'http://d/containers/evil/archive?path=/tmp' >/dev/null
/usr/bin/python3 -c "
import tarfile, io, sys
t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|'); i = tarfile.TarInfo('../../../../../../../../../../$PWD/outside/dotdot'); i.size = 1; t.addfile(i, io.BytesIO(b'x')); t.close()" >dots.tar
fails docker cp - evil:/tmp/t <dots.tar
eq "$(ls outside)" secret
docker rm -f evil
E
it 'what cannot be written is said' <<'E'
docker run -d --name ro --read-only bb
echo x >x
fails docker cp x ro:/tmp/ 2>err
has "$(cat err)" 'read-only'
eq "$(docker cp ro:/data/seed - | tar -xO)" from-the-image
docker rm -f ro
docker create --name kinds bb
mkdir -p passwd
fails docker cp passwd kinds:/etc/
docker rm kinds
E
it 'top and events' <<'E'
since=$(date +%s)
docker run -d --name tp -l x=y bb
has "$(docker top tp)" 'sleep 1000'
eq "$(docker top tp -o pid,comm,args | sed 's/  */ /g' | cut -d' ' -f2- | tail -n 1)" 'sleep sleep 1000'
has "$(docker top tp aux)" '%CPU'
fails docker top tp -o comm
docker rm -f tp
docker events --since $since --until "$(($(date +%s) + 1))" --filter container=tp --format '{{.Action}} {{.Actor.Attributes.x}}' >ev
eq "$(tr '\n' ' ' <ev)" 'create y start y kill y die y destroy y '
E
it 'containers of cmp up are the same objects' <<'E'
project same <<'Y'
services: {a: {image: bb, stop_signal: KILL}}
Y
cmp up -d
eq "$(docker ps --filter label=com.docker.compose.project=same --format '{{.Names}}')" same-a-1
eq "$(docker inspect -f '{{index .Config.Labels "com.docker.compose.service"}} {{.HostConfig.NetworkMode}}' same-a-1)" 'a same_default'
docker stop same-a-1
has "$(cmp ps -a)" Exited
cmp down
eq "$(docker ps -aq)" ''
E
docker_finish
