#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Docker's library for Python, as Debian has it.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/docker.sh"
import_busybox
/usr/bin/python3 -c 'import docker' 2>/dev/null || {
	[ -z "${CMP_TEST_STRICT:-}" ] || { echo "Bail out! no python3-docker"; exit 1; }
	echo "1..0 # SKIP no python3-docker"
	finished=1
	exit 0
}
# py DESCRIPTION <script: with `client` and `api`.
py() {
	{
		echo "cat >t.py <<'P'"
		echo "import docker, docker.errors, docker.types, time
client = docker.DockerClient(base_url='unix://$SOCK', version='auto')
api = client.api"
		cat
		echo P
		echo '/usr/bin/python3 t.py'
	} >"$WORK/py"
	it "$1" <"$WORK/py"
}

py 'the client and what it knows of the daemon' <<'E'
assert client.ping()
assert client.version()['ApiVersion'] == '1.51'
info = client.info()
assert info['OSType'] == 'linux' and info['Swarm']['LocalNodeState'] == 'inactive'
E
py 'run returns the output; a failure has it too' <<'E'
assert client.containers.run('bb', ['echo', 'hello'], remove=True) == b'hello\n'
assert client.containers.run('bb', 'sh -c "echo e >&2; echo o"', stdout=True, stderr=True, remove=True) in (b'e\no\n', b'o\ne\n')
try:
    client.containers.run('bb', ['sh', '-c', 'exit 9'], remove=True); assert False
except docker.errors.ContainerError as e:
    assert e.exit_status == 9
try:
    client.containers.run('nosuch:img', ['true']); assert False
except (docker.errors.ImageNotFound, docker.errors.APIError): pass
E
py 'a container through its life' <<'E'
c = client.containers.run('bb', ['sleep', '1000'], name='pylife', labels={'k': 'v'}, environment={'A': '1'}, detach=True, stop_signal='SIGKILL')
c.reload(); assert c.status == 'running' and c.attrs['Config']['Image'] == 'bb'
assert c in client.containers.list(filters={'label': 'k=v'})
assert c.exec_run(['sh', '-c', 'echo $A']).output == b'1\n'
assert c.exec_run(['sh', '-c', 'exit 3']).exit_code == 3
r = c.exec_run(['sh', '-c', 'echo o; echo e >&2'], demux=True); assert r.output == (b'o\n', b'e\n'), r
c.pause(); c.reload(); assert c.status == 'paused'
c.unpause(); c.rename('pyrenamed'); c.reload(); assert c.name == 'pyrenamed'
assert c.top()['Titles'][1] == 'PID'
c.restart(timeout=0); c.stop(timeout=0); assert c.wait()['StatusCode'] == 137
c.start(); c.kill(); c.wait(); c.remove()
try:
    client.containers.get('pyrenamed'); assert False
except docker.errors.NotFound as e:
    assert 'No such container: pyrenamed' in str(e)
E
py 'logs: all, streamed, by time' <<'E'
c = client.containers.run('bb', ['sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.1; done; echo err >&2'], detach=True)
assert list(c.logs(stream=True, stderr=False)) == [b'1\n', b'2\n', b'3\n']
c.wait()
assert c.logs(tail=1, stdout=False, stderr=True) == b'err\n'
assert c.logs(stdout=True, stderr=False, timestamps=True).count(b'Z ') == 3
assert c.logs(since=int(time.time()) + 100) == b''
c.remove()
E
py 'attach and its socket' <<'E'
c = api.create_container('bb', ['cat'], stdin_open=True)
s = api.attach_socket(c, {'stdin': 1, 'stdout': 1, 'stream': 1})
api.start(c); s._sock.sendall(b'ping\n')
assert s.read(8)[7] == 5 and s.read(5) == b'ping\n'
s._sock.close(); api.remove_container(c, force=True)
t = api.create_container('bb', ['sh', '-c', 'sleep 0.3; echo out']); g = api.attach(t, stream=True); api.start(t)
assert b''.join(g) == b'out\n'; api.remove_container(t, force=True)
E
py 'exec with a terminal, resized' <<'E'
c = client.containers.run('bb', ['sleep', '1000'], detach=True)
e = api.exec_create(c.id, ['sh', '-c', 'sleep 0.5; stty size'], tty=True)
s = api.exec_start(e, tty=True, socket=True); api.exec_resize(e, height=33, width=77)
data = b''
while True:
    d = s.read(100)
    if not d: break
    data += d
assert data == b'33 77\r\n', data
assert api.exec_inspect(e)['ExitCode'] == 0
c.remove(force=True)
E
py 'host configuration comes back as it was sent' <<'E'
c = client.containers.create('bb', ['true'], mem_limit='64m', nano_cpus=500000000, pids_limit=20, cap_add=['NET_ADMIN'], cap_drop=['CHOWN'], read_only=True,
    tmpfs={'/tmp': 'size=1m'}, ports={'80/tcp': ('127.0.0.1', 0), '53/udp': None}, restart_policy={'Name': 'on-failure', 'MaximumRetryCount': 2},
    dns=['1.2.3.4'], extra_hosts={'h': '1.2.3.4'}, shm_size='8m', sysctls={'net.core.somaxconn': '55'}, ulimits=[docker.types.Ulimit(name='nofile', soft=9, hard=10)],
    working_dir='/tmp', user='app', hostname='hn', init=True, group_add=['extra'], security_opt=['no-new-privileges'],
    healthcheck={'test': ['CMD', 'true'], 'interval': 1000000000})
h, k = c.attrs['HostConfig'], c.attrs['Config']
assert h['Memory'] == 67108864 and h['NanoCpus'] == 500000000 and h['PidsLimit'] == 20, h
assert h['CapAdd'] == ['NET_ADMIN'] and h['CapDrop'] == ['CHOWN'] and h['ReadonlyRootfs'] is True
assert h['Tmpfs'] == {'/tmp': 'size=1m'} and h['PortBindings']['80/tcp'] == [{'HostIp': '127.0.0.1', 'HostPort': ''}], h
assert h['RestartPolicy'] == {'Name': 'on-failure', 'MaximumRetryCount': 2} and h['Dns'] == ['1.2.3.4'] and h['ExtraHosts'] == ['h:1.2.3.4']
assert h['ShmSize'] == 8388608 and h['Sysctls'] == {'net.core.somaxconn': '55'} and h['Ulimits'] == [{'Name': 'nofile', 'Hard': 10, 'Soft': 9}]
assert h['Init'] is True and h['GroupAdd'] == ['extra'] and h['SecurityOpt'] == ['no-new-privileges'] and h['NetworkMode'] == 'bridge'
assert k['WorkingDir'] == '/tmp' and k['User'] == 'app' and k['Hostname'] == 'hn' and k['Healthcheck'] == {'Test': ['CMD', 'true'], 'Interval': 1000000000}, k
c.remove()
E
py 'volumes' <<'E'
v = client.volumes.create('pyvol', labels={'a': 'b'})
assert [x.name for x in client.volumes.list(filters={'label': 'a'})] == ['pyvol']
c = client.containers.run('bb', ['cat', '/data/seed'], volumes={'pyvol': {'bind': '/data', 'mode': 'rw'}}, remove=True); assert c == b'from-the-image\n', c
m = docker.types.Mount('/m', 'pyvol', type='volume', read_only=True)
assert client.containers.run('bb', ['cat', '/m/seed'], mounts=[m], remove=True) == b'from-the-image\n'
v.remove()
try: client.volumes.get('pyvol'); assert False
except docker.errors.NotFound: pass
E
py 'networks' <<'E'
n = client.networks.create('pynet', driver='bridge', labels={'x': 'y'}, ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet='10.198.0.0/24', gateway='10.198.0.1')]))
n.reload(); assert client.networks.list(names=['pynet']) and n.attrs['IPAM']['Config'][0]['Subnet'] == '10.198.0.0/24'
c = client.containers.run('bb', ['sleep', '1000'], detach=True, name='pyn')
n.connect(c, aliases=['pa'], ipv4_address='10.198.0.77'); c.reload()
assert c.attrs['NetworkSettings']['Networks']['pynet']['IPAddress'] == '10.198.0.77'
assert client.containers.run('bb', ['ping', '-c', '1', 'pa'], network='pynet', remove=True)
n.reload(); assert [x.name for x in n.containers] == ['pyn']
n.disconnect(c); c.remove(force=True); n.remove()
E
py 'events' <<'E'
since = int(time.time())
client.containers.run('bb', ['true'], remove=True, name='pyev')
got = [(e['Type'], e['Action']) for e in client.events(since=since, until=int(time.time()) + 1, decode=True, filters={'container': 'pyev'})]
assert got[0] == ('container', 'create') and got[-1] == ('container', 'destroy') and ('container', 'die') in got, got
E
py 'archives: put and get' <<'E'
import io, tarfile
c = client.containers.create('bb', ['cat', '/tmp/put'])
b = io.BytesIO(); t = tarfile.open(fileobj=b, mode='w'); i = tarfile.TarInfo('put'); i.size = 4; t.addfile(i, io.BytesIO(b'data')); t.close()
assert c.put_archive('/tmp', b.getvalue())
stream, stat = c.get_archive('/tmp/put')
assert stat['name'] == 'put' and stat['size'] == 4, stat
got = tarfile.open(fileobj=io.BytesIO(b''.join(stream))); assert got.extractfile('put').read() == b'data'
c.start(); c.wait(); assert c.logs() == b'data'
c.remove()
E
py 'images' <<'E'
im = client.images.get('bb'); assert 'bb:latest' in im.tags and im.attrs['Os'] == 'linux'
assert im.tag('py/tagged', '1'); assert client.images.get('py/tagged:1').id == im.id
assert [i.id for i in client.images.list(name='py/tagged')] == [im.id]
assert im.history()
client.images.remove('py/tagged:1')
try: client.images.get('py/tagged:1'); assert False
except docker.errors.ImageNotFound: pass
E
py 'prune and disk usage' <<'E'
client.containers.create('bb', ['true'])
assert len(client.containers.prune()['ContainersDeleted']) == 1
assert client.df()['Images']
assert client.volumes.prune()['SpaceReclaimed'] == 0 and client.networks.prune() is not None
E
docker_finish
