import { quoteForShell } from '../../../core/text/quote.ts';

export type InspectionResults = ReadonlyMap<string, readonly string[]>;

interface CanaryPaths {
  /** This process's title, which must not be visible inside a sandbox. */
  readonly canary: string;
  readonly canaryFile: string;
  readonly serverPort: number;
}

/** The ports of the container engine, the kubelet, etcd and the cluster's API. */
const loopbackPorts = [2375, 2376, 10_250, 10_255, 2379, 6443];
const sockets = [
  ...['/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', '/run/crio/crio.sock'],
  ...['/run/podman/podman.sock', '/var/run/cri-dockerd.sock', '/run/k3s/containerd/containerd.sock'],
];
const kernelFiles = [
  ...['core_pattern', 'modprobe', 'hostname'].map((name) => `/proc/sys/kernel/${name}`),
  ...['/proc/sys/vm/overcommit_memory', '/proc/sys/fs/binfmt_misc/register', '/proc/sysrq-trigger'],
  ...['/sys/kernel/uevent_helper', '/proc/sys/net/ipv4/conf/all/route_localnet'],
];
const devices =
  '/dev/mem /dev/kmem /dev/port /dev/kmsg /dev/kvm /dev/sd* /dev/vd* /dev/nvme* /dev/xvd* /dev/dm-* /dev/loop*';
const credentials = [
  ...[
    '/var/run/secrets/kubernetes.io/serviceaccount/token',
    '/etc/kubernetes/admin.conf',
    '/var/lib/kubelet/config.yaml',
  ],
  ...[
    '/root/.aws/credentials',
    '/root/.config/gcloud/credentials.db',
    '/root/.kube/config',
    '/root/.docker/config.json',
  ],
  ...['/root/.ssh/id_rsa', '/root/.ssh/id_ed25519', '/etc/shadow'],
];
const forbidden = [
  ...['127.0.0.1:80', 'localhost:80', '[::1]:80', '0.0.0.0:80', '2130706433:80', '[::ffff:127.0.0.1]:80'],
  ...['10.0.0.1:80', '172.17.0.1:80', '192.168.0.1:80', '100.64.0.1:80'],
  ...['169.254.169.254:80', '[fd00:ec2::254]:80', 'metadata.google.internal:80'],
];

/** System call numbers: x86-64, then arm64. Successful calls have no lasting effect. */
const calls = `
my $arm = \`uname -m\` =~ /aarch64|arm64/;
sub call { my ($name, $x64, $arm64, @with) = @_; $! = 0; my $got = syscall($arm ? $arm64 : $x64, @with); print "call $name ", ($got == -1 ? $!+0 : 0), "\\n"; }
my $zeros = "\\0" x 128;
call('bpf', 321, 280, 0, $zeros, 1);
call('io_uring_setup', 425, 425, 1, $zeros);
call('add_key', 248, 217, "user\\0", "corral-doctor\\0", "x", 1, -3);
call('userfaultfd', 323, 282, 0);
call('init_module', 175, 105, $zeros, 0, "\\0");
call('open_by_handle_at', 304, 265, -1, $zeros, 0);
call('mount', 165, 40, "none\\0", "/corral-doctor\\0", "tmpfs\\0", 0, 0);
call('packet_socket', 41, 198, 17, 3, 0);
call('raw_socket', 41, 198, 2, 3, 1);
call('vsock', 41, 198, 40, 1, 0);
call('unshare_user', 272, 97, 0x10000000);
`;

/** The script has no lasting effects. Each output line is a name and a value. */
export function buildInspectionScript({ canary, canaryFile, serverPort }: CanaryPaths): string {
  const ports = [serverPort, ...loopbackPorts];
  return `
for name in CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp; do
  echo "$name $(sed -n "s/^$name:[[:space:]]*//p" /proc/self/status)"
done
echo "uid $(id -u)"
echo "gids $(id -G)"
echo "kernel $(uname -r)"
echo "machine $(cat /proc/version)"
if ( : >> /usr/corral-doctor ) 2>/dev/null; then echo "system writable"; rm -f /usr/corral-doctor; else echo "system read-only"; fi
[ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ] && echo "host-process kthreadd"
grep -qs '${canary.slice(0, 8)}[${canary.slice(8, 9)}]${canary.slice(9)}' /proc/[0-9]*/cmdline && echo "host-process doctor"
[ -r '${canaryFile}' ] && echo "host-file $(cat '${canaryFile}')"
[ -r '/proc/1/root${canaryFile}' ] && echo "host-file $(cat '/proc/1/root${canaryFile}')"
for socket in ${sockets.join(' ')}; do [ -S "$socket" ] && [ -w "$socket" ] && echo "engine-socket $socket"; done
while read -r _ _ _ root point options rest; do
  case ",$options," in *,rw,*) [ -w "$point" ] && echo "mount $point $root \${rest#*- }";; esac
done < /proc/self/mountinfo
for file in ${kernelFiles.join(' ')}; do [ -e "$file" ] && ( : >> "$file" ) 2>/dev/null && echo "kernel-file $file"; done
for file in $(find /sys/fs/cgroup -maxdepth 3 \\( -name release_agent -o -name cgroup.procs -o -name memory.max -o -name pids.max \\) -writable 2>/dev/null | head -5); do echo "cgroup-file $file"; done
for device in ${devices}; do [ -e "$device" ] && ( : < "$device" ) 2>/dev/null && echo "device $device"; done
for file in ${credentials.join(' ')}; do [ -r "$file" ] && echo "credential $file"; done
command -v kubectl >/dev/null && echo "program kubectl"
env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=\\(.\\).*/environment \\1/p'
for link in /proc/$$/fd/*; do
  [ -d "$link/." ] && case $(readlink "$link") in "$PWD"|"$PWD"/*) ;; *) echo "descriptor $(readlink "$link")";; esac
done
case $(readlink /proc/$$/cwd) in /*) ;; *) echo "descriptor $(readlink /proc/$$/cwd)";; esac
[ -w /proc/1/exe ] && echo "runtime /proc/1/exe"
for face in /sys/class/net/*; do echo "interface \${face##*/}"; done
for port in ${ports.join(' ')}; do timeout 3 bash -c ": </dev/tcp/127.0.0.1/$port" 2>/dev/null && echo "loopback $port"; done
proxy=\${http_proxy:-\${HTTP_PROXY:-}}
proxy=\${proxy#*://}; proxy=\${proxy##*@}; proxy=\${proxy%%/*}
if [ -n "$proxy" ]; then
  for target in ${forbidden.join(' ')}; do
    line=$(timeout 10 bash -c 'exec 3<>/dev/tcp/'"\${proxy%:*}/\${proxy##*:}"' && printf "CONNECT %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n" "$0" "$0" >&3 && head -n 1 <&3' "$target" 2>/dev/null | tr -d '\\r')
    echo "proxy $target \${line:-none}"
  done
fi
if command -v perl >/dev/null; then perl -e ${quoteForShell(calls)}; else echo "untested calls"; fi
echo "end of it"
`;
}

export function parseInspectionResults(output: string): InspectionResults {
  const lines = output.split('\n').filter((line) => line.includes(' '));
  const pairs = lines.map((line): [string, string] => {
    const at = line.indexOf(' ');
    return [line.slice(0, at), line.slice(at + 1).trim()];
  });
  return new Map([...Map.groupBy(pairs, ([name]) => name)].map(([name, all]) => [name, all.map(([, value]) => value)]));
}
