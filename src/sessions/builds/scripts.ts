// The scripts of builds, which run in their containers. Every value of a caller is an argument, and none is part of a script.

const apt = '/etc/apt/apt.conf.d/95corral-build';
const begin = `set -e
mkdir -p /home/user /workspace
find /workspace -mindepth 1 -maxdepth 1 -exec mv -t /home/user -- {} +
chown 10001:10001 /home/user
if [ -d /etc/apt/apt.conf.d ]; then echo 'Acquire::https::CaInfo "/run/corral/ca.pem";' > ${apt}; fi`;
// A sandbox's volume is filled from /workspace, and each sandbox is a user of its own, who must be able to change the files.
const end = `set -e
rm -rf ${apt} /.corral-build
mkdir -p /home/user /workspace
find /home/user -mindepth 1 -maxdepth 1 -exec mv -t /workspace -- {} +
chown 10001:10001 /home/user /workspace
chmod -R a+rwX /workspace`;
const run = 'cd -- "$1" && exec /bin/bash -c "$2"';
const folder = 'set -e; if [ ! -d "$1" ]; then mkdir -p -- "$1"; chown -- "$2" "$1"; fi';
const copy = `set -e
d=/.corral-build
rm -rf "$d"; mkdir -m 700 "$d"
trap 'cd /; rm -rf "$d"' EXIT
cd "$d"
gzip -dcf | tar -x --no-same-owner -f -
shopt -s nullglob dotglob
IFS=
case $1 in
  *[*?[]*) found=($1) ;;
  *) found=("$1") ;;
esac
if [ "\${#found[@]}" -eq 0 ]; then echo "COPY: nothing is called $1" >&2; exit 1; fi
for one in "\${found[@]}"; do
  if [ ! -e "$one" ] && [ ! -L "$one" ]; then echo "COPY: there is no $one among the uploaded files" >&2; exit 1; fi
  chown -hR -- "$3" "$one"
  if [ -n "$4" ]; then chmod -R -- "$4" "$one"; fi
  if [ -d "$one" ] && [ ! -L "$one" ]; then
    mkdir -p -- "$2"
    cp -a -- "$one/." "$2"
  elif [ "\${#found[@]}" -gt 1 ] || [ "\${2%/}" != "$2" ] || [ -d "$2" ]; then
    mkdir -p -- "$2"
    cp -a -- "$one" "\${2%/}/"
  else
    mkdir -p -- "$(dirname -- "$2")"
    cp -a -- "$one" "$2"
  fi
done`;

const bash = (script: string, ...args: string[]) => ['/bin/bash', '-c', script, 'build', ...args];

export const scripts = {
  begin: () => bash(begin),
  end: () => bash(end),
  run: (cwd: string, command: string) => bash(run, cwd, command),
  folder: (path: string, user: string) => bash(folder, path, user),
  copy: (from: string, to: string, { user, mode = '' }: { user: string; mode?: string | undefined }) =>
    bash(copy, from, to, user, mode),
};
