#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Building images: the plain form, on images that are there.
. "$(dirname "$0")/../lib.sh"
import_busybox

# in_image IMAGE COMMAND...: runs it in a container of the image.
in_image() {
	image=$1
	shift
	mkdir -p "$WORK/in" && printf 'services: {a: {image: "%s"}}\n' "$image" >"$WORK/in/compose.yaml"
	(cd "$WORK/in" && cmp run --rm -T --no-deps a "$@" 2>/dev/null)
}
config() { api GET "images/$1" | jq -c ".document.config$2"; }

mkdir -p "$WORK/b/src/d" && cd "$WORK/b"
echo one >src/a.txt
echo two >src/d/b.txt
chmod 640 src/a.txt
it 'RUN, COPY and the configuration' <<'E'
cat >Dockerfile <<'D'
ARG BASE=bb
FROM ${BASE}
ARG GREETING=hello
ENV A=1 PATH=/bin:/usr/local/bin
WORKDIR /w
RUN echo $GREETING $A $(pwd) >out && echo err >&2
COPY src/ sub/
COPY --chown=app:2000 --chmod=600 src/a.txt /owned
RUN ["/bin/sh", "-c", "id -u >/uid"]
USER app
RUN id -u >/tmp/uid2
LABEL x=y
EXPOSE 80
VOLUME /data2
STOPSIGNAL SIGINT
CMD ["cat", "/w/out"]
D
cmp image build -t built --build-arg GREETING=hi . 2>err
has "$(cat err)" 'err'
eq "$(in_image built cat /w/out)" 'hi 1 /w'
eq "$(in_image built stat -c '%a %u:%g' /w/sub/a.txt)" '640 0:0'
eq "$(in_image built cat /w/sub/d/b.txt)" two
eq "$(in_image built stat -c '%a %u:%g' /owned)" '600 1000:2000'
eq "$(in_image built cat /uid /tmp/uid2 | tr '\n' ' ')" '0 1000 '
eq "$(config built .User)" '"app"'
eq "$(config built .Labels.x)" '"y"'
eq "$(config built .StopSignal)" '"SIGINT"'
eq "$(config built '.ExposedPorts')" '{"80/tcp":{}}'
eq "$(config built '.Cmd')" '["cat","/w/out"]'
eq "$(api GET images/built | jq '.document.history | length')" "$(($(api GET images/bb | jq '.document.history | length') + 14))"
E
it 'what was built is found again' <<'E'
cmp image build -t again --build-arg GREETING=hi . 2>err
has "$(cat err)" Cached
hasnt "$(cat err)" Working
eq "$(api GET images/again | jq -c .layers)" "$(api GET images/built | jq -c .layers)"
E
it 'a changed file makes its step anew, and what follows' <<'E'
echo changed >src/d/b.txt
cmp image build -t again --build-arg GREETING=hi . 2>err
has "$(cat err)" 'RUN echo $GREETING $A $(pwd) >out && echo err >&2 Cached'
has "$(cat err)" 'COPY src/ sub/ Done'
eq "$(in_image again cat /w/sub/d/b.txt)" changed
E
it 'a time alone changes nothing' <<'E'
touch -d '2001-01-01' src/a.txt src/d/b.txt
cmp image build --build-arg GREETING=hi . 2>err
hasnt "$(cat err)" Working
E
it 'the cache survives the supervisor' <<'E'
pid=$(cmpd_pid)
kill -9 "$pid"
within 5 fails kill -0 "$pid"
cmp image build --build-arg GREETING=hi . 2>err || { cat err; false; }
hasnt "$(cat err)" Working
E
it '--no-cache makes everything anew' <<'E'
cmp image build --no-cache --build-arg GREETING=hi . 2>err
hasnt "$(cat err)" Cached
E
it 'removal, replacement and links get into the layer' <<'E'
cat >D2 <<'D'
FROM bb
RUN mkdir /x /y /z && echo 1 >/x/a && ln /x/a /x/b && ln -s a /x/c && echo 2 >/y/a && echo 3 >/z/a && echo 4 >/z/b
RUN rm /x/c && rm -r /y && mkdir /y && echo 5 >/y/new && rm -r /z && echo file >/z && rm /data/seed
FROM scratch
COPY --from=0 / /
D
cmp image build -q -f D2 -t links . >id
eq "$(in_image links /bin/sh -c 'PATH=/bin; ls /x /y; cat /y/new /z; stat -c %h /x/a; ls /data')" "$(printf '/x:\na\nb\n\n/y:\nnew\n5\nfile\n2')"
E
it 'scratch, several stages, COPY --from' <<'E'
cat >D3 <<'D'
FROM bb AS unused
RUN false
FROM bb AS one
RUN sleep 0.2; echo from-one >/one
FROM bb AS two
RUN echo from-two >/two
FROM scratch
COPY --from=bb /bin/ /bin/
COPY --from=one /one /
COPY --from=two /two /dir/
ENV PATH=/bin
D
cmp image build -f D3 -t multi . 2>err
hasnt "$(cat err)" unused
eq "$(in_image multi cat /one /dir/two | tr '\n' ' ')" 'from-one from-two '
eq "$(in_image multi stat -c '%a %u:%g' /dir)" '755 0:0'
cmp image build -f D3 --target two -t justtwo . 2>err
hasnt "$(cat err)" 'one '
E
it 'ADD unpacks local archives' <<'E'
mkdir -p t/deep; echo in-tar >t/deep/f; tar -C t -czf t.tgz deep; tar -C t -cf t.tar deep
printf 'FROM bb\nADD t.tgz /u/\nADD t.tar /v\nADD src/a.txt /plain\nCOPY t.tgz /kept.tgz\n' >D4
cmp image build -f D4 -t added . 2>err
eq "$(in_image added cat /u/deep/f /v/deep/f /plain | tr '\n' ' ')" 'in-tar in-tar one '
in_image added ls /kept.tgz
E
it '.dockerignore keeps files out' <<'E'
mkdir ig; cd ig; mkdir -p keep skip/in; echo 1 >keep/a; echo 2 >skip/in/b; echo 3 >x.log; echo 4 >y.log
printf '# comment\nskip\n*.log\n!y.log\nerr\n' >.dockerignore
printf 'FROM bb\nCOPY . /c\n' >Dockerfile
cmp image build -t ign . 2>err
eq "$(in_image ign sh -c 'cd /c; find . | sort | tr "\n" " "')" '. ./.dockerignore ./Dockerfile ./keep ./keep/a ./y.log '
printf 'FROM bb\nCOPY x.log /\n' >Dockerfile
fails cmp image build . 2>err
has "$(cat err)" 'x.log is not in the build context (after .dockerignore)'
E
it 'heredocs' <<'E'
cat >D5 <<'D'
FROM bb
ARG WHO=me
RUN <<EOS
set -e
echo line1 >/r
echo $WHO >>/r
EOS
COPY <<EOF <<'RAW' /etc/conf/
who=$WHO
EOF
raw=$WHO
RAW
RUN <<EOS
#!/bin/sh
echo script $0 >/s
EOS
D
cmp image build -f D5 -t here . 2>err
eq "$(in_image here cat /r /etc/conf/EOF /etc/conf/RAW | tr '\n' ' ')" 'line1 me who=me raw=$WHO '
has "$(in_image here cat /s)" 'script /dev/pipes/EOS'
E
it 'entrypoint, onbuild, healthcheck, shell' <<'E'
cat >D6 <<'D'
FROM bb
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT ["/bin/echo", "e"]
CMD ["c"]
HEALTHCHECK --interval=7s CMD true
ONBUILD RUN echo triggered >/t
D
cmp image build -f D6 -t onb . 2>err
eq "$(config onb .Healthcheck.Interval)" 7000000000
eq "$(config onb .OnBuild)" '["RUN echo triggered >/t"]'
eq "$(config onb .Shell)" '["/bin/sh","-ec"]'
printf 'FROM onb\nENTRYPOINT []\n' >D7
cmp image build -f D7 -t trig . 2>err
eq "$(in_image trig cat /t)" triggered
eq "$(config trig .OnBuild)" null
E
it '--iidfile, --label, -q, standard input' <<'E'
printf 'FROM bb\nRUN true\n' | cmp image build -q --iidfile iid --label a=b -t std -f - . >out
eq "$(cat out)" "$(cat iid)"
eq "$(config std .Labels.a)" '"b"'
tar -C "$WORK/b" -cf ctx.tar D5 src
cmp image build -q -f D5 - <ctx.tar >out
has "$(cat out)" sha256:
E
it 'SOURCE_DATE_EPOCH makes equal digests' <<'E'
touch src/d/b.txt
printf 'FROM bb\nRUN date >/dev/null; echo x >/x; mkdir /m\nCOPY src /src\n' >D8
cmp image build -q --no-cache --build-arg SOURCE_DATE_EPOCH=1000000000 -f D8 . >one
sleep 1.1
touch src/d/b.txt
cmp image build -q --no-cache --build-arg SOURCE_DATE_EPOCH=1000000000 -f D8 . >two
eq "$(cat one)" "$(cat two)"
E
it 'du and prune' <<'E'
has "$(cmp builder du)" '/bin/sh -c id -u >/uid'
cmp image ls -q --no-trunc | sort -u | grep -v "$(api GET images/bb | jq -r .id)" | while read -r id; do cmp rmi -f "$id" >/dev/null; done
cmp builder prune -f
eq "$(cmp builder du --format '{{.ID}}' | wc -l)" 0
eq "$(ls "$CMP_STATE_DIR/images/layers" | wc -l)" 1
eq "$(ls "$CMP_STATE_DIR/images/tmp" | wc -l)" 0
E
finish
