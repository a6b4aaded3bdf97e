#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Images as archives: saved, judged by skopeo, loaded again; what others make; what is hostile.
. "$(dirname "$0")/../lib.sh"
import_busybox

judge() { command -v skopeo >/dev/null || skip "skopeo is not installed"; }
look() { # look IMAGE: what a container of it sees
	mkdir -p "$WORK/look" && cd "$WORK/look" || return 1
	printf 'services: {a: {image: "%s", command: [sh, -c, "echo seen"]}}\n' "$1" >compose.yaml
	cmp -p look up -d >look.log 2>&1
	within 10 holds '[ "$(state_of look-a-1)" = exited ]'
	cmp -p look logs --no-log-prefix a
	cmp -p look down -t 0 >>look.log 2>&1
}
tmp_empty() { within 5 holds '[ -z "$(ls "$CMP_STATE_DIR/images/tmp")" ]'; }
id=$(cmp image ls -q --no-trunc bb)
cd "$WORK" || exit 2

it 'what is saved can be loaded, byte for byte' <<'E2'
cmp image tag bb other/name:2
cmp image save -o a.tar bb other/name:2
cmp image save bb other/name:2 >b.tar
cmp b.tar a.tar 2>/dev/null || busybox cmp a.tar b.tar
manifest=$(cmp image inspect bb | jq -r '.[0].manifest')
cmp rmi other/name:2 && cmp rmi bb && cmp image prune -a -f
eq "$(cmp image ls -q | wc -l)" 0
cmp image load -i a.tar >out
eq "$(sort out | tr '\n' ,)" 'Loaded image: bb:latest,Loaded image: other/name:2,'
eq "$(cmp image inspect bb | jq -r '.[0].manifest')" "$manifest"
eq "$(cmp image ls -q --no-trunc bb)" "$id"
eq "$(look bb)" seen
tmp_empty
E2
it 'compressed, and from standard input' <<'E2'
gzip -k a.tar
cmp rmi other/name:2
cmp image load -q <a.tar.gz >out
eq "$(cat out)" "$id"
eq "$(cmp image ls -q --no-trunc other/name)" "$id"
E2
it 'an image by its id has no name in the archive' <<'E2'
cmp image save -o id.tar "$id"
cmp rmi other/name:2
cmp rmi bb
cmp image load -i id.tar | grep -qF "Loaded image ID: $id"
eq "$(cmp image ls --format '{{.Repository}}')" '<none>'
cmp image tag "$id" bb
E2
it 'skopeo reads it as docker archive and as OCI layout' <<'E2'
judge
cmp image save -o s.tar bb
skopeo copy -q docker-archive:s.tar dir:d
skopeo copy -q oci-archive:s.tar dir:o
eq "$(jq -r '.config.digest' o/manifest.json)" "$id"
eq "$(jq -r '.config.digest' d/manifest.json)" "$id"
E2
it 'the form of an old docker save, with links between layers' <<'E2'
python3 - "$(command -v busybox)" old.tar <<'P'
import hashlib, io, json, sys, tarfile
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as t:
    i = tarfile.TarInfo("bin/busybox"); d = open(sys.argv[1], "rb").read(); i.size, i.mode = len(d), 0o755
    t.addfile(i, io.BytesIO(d))
    i = tarfile.TarInfo("bin/sh"); i.type, i.linkname = tarfile.SYMTYPE, "busybox"; t.addfile(i)
layer = layer.getvalue()
diff = "sha256:" + hashlib.sha256(layer).hexdigest()
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff, diff]}}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
manifest = json.dumps([{"Config": name, "RepoTags": ["old:1", "BAD name", "old@sha256:" + "0" * 64], "Layers": ["a/layer.tar", "b/layer.tar"]}]).encode()
with tarfile.open(sys.argv[2], "w") as t:
    def add(n, d):
        i = tarfile.TarInfo(n); i.size = len(d); t.addfile(i, io.BytesIO(d))
    add("a/layer.tar", layer); add(name, config); add("manifest.json", manifest)
    i = tarfile.TarInfo("b/layer.tar"); i.type, i.linkname = tarfile.SYMTYPE, "../a/layer.tar"; t.addfile(i)
P
eq "$(cmp image load -i old.tar)" 'Loaded image: old:1'
eq "$(look old:1)" seen
cmp rmi old:1
E2
it 'what skopeo writes is read' <<'E2'
judge
skopeo copy -q docker-archive:old.tar docker-archive:sd.tar:from/docker:1
skopeo copy -q docker-archive:old.tar oci-archive:so.tar:from/oci:1
cmp image load -i sd.tar | grep -qx 'Loaded image: from/docker:1'
cmp image load -i so.tar | grep -qx 'Loaded image: from/oci:1'
for n in docker oci; do
	eq "$(look from/$n:1)" seen
	cmp rmi from/$n:1
done
E2
it 'what is no archive, damaged or a lie is refused and leaves nothing' <<'E2'
n=$(cmp image ls -q | wc -l)
head -c 100000 /dev/urandom >junk
head -c 700000 a.tar >half.tar
tar -cf empty.tar -T /dev/null
mkdir lie && tar -C lie -xf a.tar
layer=$(find lie/blobs -size +200k)
printf x | dd of="$layer" bs=1 seek=5000 conv=notrunc 2>/dev/null
tar -C lie -cf lie.tar .
mkdir hole && tar -C hole -xf a.tar && rm "$(find hole/blobs -size +200k)"
tar -C hole -cf hole.tar .
mkdir odd && printf '{"schemaVersion":2,"manifests":[{"digest":"sha256:../../etc/passwd","size":1}]}' >odd/index.json
tar -C odd -cf odd.tar .
cmp rmi bb && cmp image prune -a -f >/dev/null
for f in junk half.tar empty.tar lie.tar hole.tar odd.tar nosuch; do
	fails cmp image load -i $f 2>err
	has "$(cat err)" "$f"
	eq "$(wc -l <err)" 1
done
fails cmp image load -i /dev/null 2>err
fails cmp image save nosuch >x.tar 2>err
has "$(cat err)" nosuch
eq "$(cmp image ls -q | wc -l)" 0
tmp_empty
cmp image load -i a.tar
E2
it 'a name in the archive that leaves it goes nowhere' <<'E2'
mkdir esc && tar -C esc -xf a.tar
echo bad >evil
tar -C esc -cf esc.tar . 
tar -rf esc.tar -P --transform "s,^evil,../../../../../../../../$WORK/evil-1," evil
fails cmp image load -i esc.tar
[ ! -e "$WORK/evil-1" ]
tmp_empty
E2
it 'an image that is being saved is not taken away' <<'E2'
sum=$(cmp image save bb | sha256sum)
{ cmp image save bb; } | { head -c 1000; sleep 0.5; cat; } | sha256sum >sum &
sleep 0.2
cmp rmi other/name:2
cmp rmi bb
wait
eq "$(cat sum)" "$sum"
cmp image prune -a -f
eq "$(find "$CMP_STATE_DIR/images" -type f | wc -l)" 0
E2
finish
