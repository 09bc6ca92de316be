import type { InspectionResults } from './look-inside.ts';

/** `broken`: escape is possible, now or after a single fault. `weak`: a second layer of protection is missing. */
export interface Finding {
  readonly check: string;
  readonly against: readonly string[];
  readonly state: 'ok' | 'weak' | 'broken' | 'untested';
  readonly text: string;
  readonly advice?: string;
}
interface Check {
  readonly name: string;
  readonly against: readonly string[];
  readonly holds: string;
  readonly advice: string;
  judge(facts: InspectionResults): CheckFindings | undefined;
}
interface CheckFindings {
  readonly broken?: readonly string[];
  readonly weak?: readonly string[];
}

const dangerous: Readonly<Record<number, string>> = {
  1: 'DAC_OVERRIDE',
  2: 'DAC_READ_SEARCH',
  7: 'SETUID',
  12: 'NET_ADMIN',
  13: 'NET_RAW',
  16: 'SYS_MODULE',
  17: 'SYS_RAWIO',
  19: 'SYS_PTRACE',
  21: 'SYS_ADMIN',
  25: 'SYS_TIME',
  27: 'MKNOD',
  38: 'PERFMON',
  39: 'BPF',
};
const ofHost = [
  '/proc/1/root',
  '/host',
  '/etc',
  '/root',
  '/var/lib',
  '/var/run',
  '/run/docker',
  '/boot',
  '/usr',
  '/home',
];
/** Mounts that a sandbox may write to: its own folders, `/dev`, `/proc`, `/sys` and its network configuration files. */
const ownMounts =
  /^\/(workspace|home\/user|tmp|var\/tmp|dev|run\/corral|run\/user|proc|sys)(\/|$)|^\/(etc\/(hosts|hostname|resolv\.conf))$/;
const memoryTypes = /^(tmpfs|mqueue|devpts|proc|devtmpfs) /;
const secretName = /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)/;

const all = (facts: InspectionResults, name: string) => facts.get(name) ?? [];
const first = (facts: InspectionResults, name: string) => all(facts, name)[0];
/** Matches the fixed kernel version string that gVisor reports. */
const hasOwnKernel = (facts: InspectionResults) =>
  /gVisor|#1 SMP Sun Jan 10 15:06:54 PST 2016/.test(first(facts, 'machine') ?? '');

function bitsOf(hex: string | undefined): string[] {
  const bits = BigInt(`0x${hex || '0'}`);
  const set = Array.from({ length: 64 }, (_, at) => at).filter((at) => (bits >> BigInt(at)) & 1n);
  return set.map((at) => dangerous[at] ?? `capability ${at}`);
}

/** `repaired` lists the first fixed version of each branch, newest branch first. */
function lacksRepair(release: string, from: string, repaired: readonly string[]): boolean {
  const parts = (text: string) =>
    (/^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? []).slice(1).map((part) => Number(part ?? 0));
  const below = (a: readonly number[], b: readonly number[]) => {
    const at = b.findIndex((part, index) => part !== (a[index] ?? 0));
    return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
  };
  const own = parts(release);
  if (own.length === 0 || below(own, parts(from))) return false;
  const sameBranch = repaired.map(parts).find(([major, minor]) => major === own[0] && minor === own[1]);
  const newest = parts(repaired[0] ?? '');
  return sameBranch ? below(own, sameBranch) : below(own, newest);
}

/** EPERM, EACCES, ENOSYS, EAFNOSUPPORT, EPROTONOSUPPORT and EOPNOTSUPP. */
const refused = new Set([1, 13, 38, 97, 93, 95]);
const callsOf: Readonly<Record<string, 'broken' | 'weak'>> = {
  bpf: 'broken',
  init_module: 'broken',
  open_by_handle_at: 'broken',
  mount: 'broken',
  packet_socket: 'broken',
  raw_socket: 'weak',
  vsock: 'weak',
  io_uring_setup: 'weak',
  add_key: 'weak',
  userfaultfd: 'weak',
  unshare_user: 'weak',
};

const check = (one: Check) => one;

const brokenBy = (name: string, say: (fact: string) => string | undefined) => (facts: InspectionResults) => ({
  broken: all(facts, name).flatMap((fact) => say(fact) ?? []),
});
export const sandboxChecks: readonly Check[] = [
  check({
    name: 'identity',
    against: ['privileged container', 'runc CVE-2019-5736'],
    holds: 'programs run as an unprivileged user',
    advice: 'Use an image of Corral, or one that works for any user.',
    judge: (facts) => {
      const uid = first(facts, 'uid');
      return uid === undefined ? undefined : { broken: uid === '0' ? ['programs run as root'] : [] };
    },
  }),
  check({
    name: 'capabilities',
    against: ['privileged container', 'CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_DAC_READ_SEARCH'],
    holds: 'no capability, current or obtainable',
    advice:
      'Corral grants no capabilities: check for a patched driver, an admission webhook or a runtime that adds them.',
    judge: (facts) => {
      if (first(facts, 'CapEff') === undefined) return undefined;
      const now = ['CapEff', 'CapPrm', 'CapAmb'].flatMap((name) => bitsOf(first(facts, name)));
      const later = bitsOf(first(facts, 'CapBnd'));
      const text = (them: readonly string[]) => [...new Set(them)].slice(0, 5).join(', ');
      return {
        broken: now.length > 0 ? [`it has ${text(now)}`] : [],
        weak: now.length === 0 && later.length > 0 ? [`a program with file capabilities could get ${text(later)}`] : [],
      };
    },
  }),
  check({
    name: 'new-privileges',
    against: ['setuid programs'],
    holds: 'no program raises the privileges of its caller',
    advice: 'Set no-new-privileges (allowPrivilegeEscalation: false) again.',
    judge: (facts) => {
      const set = first(facts, 'NoNewPrivs');
      return set === undefined ? undefined : { broken: set === '1' ? [] : ['setuid programs raise privileges'] };
    },
  }),
  check({
    name: 'system-call-filter',
    against: ['eBPF', 'packet socket CVE-2020-14386', 'Dirty Pipe CVE-2022-0847'],
    holds: 'the kernel filters system calls',
    advice: 'Use bubblewrap 0.8 or later, an engine with seccomp, or the seccomp profile on the nodes.',
    judge: (facts) => {
      const mode = first(facts, 'Seccomp');
      if (mode === undefined && !hasOwnKernel(facts)) return undefined;
      return { broken: mode === '2' || hasOwnKernel(facts) ? [] : ['every system call reaches the kernel'] };
    },
  }),
  check({
    name: 'system-calls',
    against: ['eBPF', 'packet socket CVE-2020-14386', 'CAP_SYS_MODULE', 'CAP_DAC_READ_SEARCH', 'user namespaces'],
    holds: 'system calls with frequent kernel vulnerabilities are refused',
    advice: 'Use the seccomp profile of Corral (./corral seccomp-profile) in place of the runtime’s.',
    judge: (facts) => {
      if (!facts.has('call')) return undefined;
      if (hasOwnKernel(facts)) return {};
      const admitted = all(facts, 'call').flatMap((line) => {
        const [name = '', code] = line.split(' ');
        return refused.has(Number(code)) ? [] : [name];
      });
      const of = (state: string) =>
        admitted.filter((name) => callsOf[name] === state).map((name) => `${name} is admitted`);
      return { broken: of('broken'), weak: of('weak') };
    },
  }),
  check({
    name: 'engine-socket',
    against: ['Docker socket', 'CRI sockets'],
    holds: 'it contains no engine socket',
    advice: 'Remove the mount: anyone who can write to the socket is root on the host.',
    judge: brokenBy('engine-socket', (socket) => `${socket} is writable`),
  }),
  check({
    name: 'host-mounts',
    against: ['host path mount', 'CVE-2026-120699 (bind mounts by callers)'],
    holds: 'only its own folders are mounted writable',
    advice: 'Remove the mount from the image, the template or the driver’s settings.',
    judge: brokenBy('mount', (line) => {
      const [point = '', root = '', ...source] = line.split(' ');
      if (ownMounts.test(point) || memoryTypes.test(source.join(' '))) return undefined;
      const isHost = ofHost.some((path) => point === path || root === path || point.startsWith('/host'));
      return `${isHost ? 'a folder of the host' : 'a folder'} is mounted writable at ${point}`;
    }),
  }),
  check({
    name: 'system-files',
    against: ['runc CVE-2019-5736'],
    holds: 'its system is read-only',
    advice: 'Make the root read-only again (readOnlyRootFilesystem).',
    judge: (facts) => {
      const system = first(facts, 'system');
      if (system === undefined) return undefined;
      const runtime = all(facts, 'runtime').map((path) => `the program at ${path} can be overwritten`);
      return { broken: runtime, weak: system === 'read-only' ? [] : ['its system is writable'] };
    },
  }),
  check({
    name: 'kernel-settings',
    against: ['CRI-O CVE-2022-0811', 'route_localnet CVE-2020-8558', 'runc CVE-2025-31133, -52565, -52881'],
    holds: 'the kernel’s settings are read-only',
    advice: 'Update the runtime; mount /proc/sys and /sys read-only.',
    judge: brokenBy('kernel-file', (path) => `${path} is writable`),
  }),
  check({
    name: 'control-groups',
    against: ['release_agent CVE-2022-0492'],
    holds: 'its control group is read-only',
    advice: 'Mount /sys/fs/cgroup read-only, in a namespace of the sandbox’s own.',
    judge: brokenBy('cgroup-file', (path) => `${path} is writable`),
  }),
  check({
    name: 'devices',
    against: ['privileged container'],
    holds: 'no device of the host can be opened',
    advice: 'Remove the devices, and the privileged flag if it is set.',
    judge: brokenBy('device', (path) => `${path} can be opened`),
  }),
  check({
    name: 'process-namespace',
    against: ['host PID namespace'],
    holds: 'it sees no process outside',
    advice: 'Give it a namespace of its own: no hostPID, no --pid=host.',
    judge: brokenBy('host-process', (what) => `it sees a process of the host (${what})`),
  }),
  check({
    name: 'host-files',
    against: ['host path mount', 'CVE-2024-21626', 'CVE-2026-39861 (links out of the workspace)'],
    holds: 'a file of this machine is not visible',
    advice: 'Nothing isolates these sandboxes: install bubblewrap or Docker.',
    judge: brokenBy('host-file', () => 'it can read a file of this machine'),
  }),
  check({
    name: 'leaked-descriptors',
    against: ['CVE-2024-21626'],
    holds: 'no open folder leads out',
    advice: 'Update runc to 1.1.12 or later.',
    judge: brokenBy('descriptor', (path) => `an open descriptor is the folder ${path}`),
  }),
  check({
    name: 'credentials',
    against: ['Kubernetes RBAC', 'kubectl cp'],
    holds: 'it contains no credential of a cloud, a cluster or the host',
    advice: 'Set automountServiceAccountToken: false, and remove the files from the image.',
    judge: (facts) => ({
      broken: all(facts, 'credential').map((path) => `${path} can be read`),
      // Without a network, the sandbox cannot reach a cluster.
      weak: all(facts, 'interface').every((name) => name === 'lo')
        ? []
        : all(facts, 'program').map((it) => `it has ${it}`),
    }),
  }),
  check({
    name: 'environment',
    against: ['CVE-2026-112346 (keys in plain text)'],
    holds: 'none of its variables has the name of a secret',
    advice: 'Pass secrets as credentials (docs/egress.md), which stay outside the sandbox.',
    judge: (facts) => {
      const names = [...new Set(all(facts, 'environment').map((line) => line.split(' ')[0] ?? ''))];
      if (names.length === 0) return undefined;
      return { weak: names.filter((name) => secretName.test(name)).map((name) => `the variable ${name} can be read`) };
    },
  }),
  check({
    name: 'loopback',
    against: [
      'route_localnet CVE-2020-8558',
      'exposed engine and kubelet ports',
      'CVE-2026-22812 (open local servers)',
    ],
    holds: 'it reaches no service on this machine’s loopback',
    advice: 'Give it a network of its own: no --network=host, no hostNetwork.',
    judge: brokenBy('loopback', (port) => `port ${port} on the loopback of this machine answers`),
  }),
  check({
    name: 'proxy',
    against: ['metadata service', 'private networks'],
    holds: 'its proxy refuses loopback, private networks and metadata services',
    advice: 'Remove such addresses from egress.allow, and from hosts that the operator admitted.',
    judge: brokenBy('proxy', (line) => {
      const [target = '', , code] = line.split(' ');
      return code?.startsWith('2') ? `the proxy leads to ${target}` : undefined;
    }),
  }),
  check({
    name: 'kernel-version',
    against: ['Dirty COW CVE-2016-5195', 'Dirty Pipe CVE-2022-0847', 'packet socket CVE-2020-14386'],
    holds: 'the kernel’s version has no known escape',
    advice:
      'Update the host’s kernel, unless its distribution has patched this version; or isolate strictly (gVisor, Kata).',
    judge: (facts) => {
      const release = first(facts, 'kernel');
      if (release === undefined) return undefined;
      if (hasOwnKernel(facts)) return {};
      const faults = [
        lacksRepair(release, '2.6.22', ['4.8.3', '4.7.9', '4.4.26']) && 'Dirty COW',
        lacksRepair(release, '4.6', ['5.9', '5.8.7', '5.4.63', '4.19.143']) && 'CVE-2020-14386',
        lacksRepair(release, '5.8', ['5.17', '5.16.11', '5.15.25', '5.10.102']) && 'Dirty Pipe',
      ].filter((fault) => fault !== false);
      return { weak: faults.map((fault) => `the version ${release} had ${fault}`) };
    },
  }),
];

/** Checks cannot pass on an incomplete report, but the flaws it contains are still reported. */
export function evaluateInspection(facts: InspectionResults): Finding[] {
  const isWhole = facts.has('end');
  return sandboxChecks.map(({ name, against, holds, advice, judge }) => {
    const wrongs = judge(facts);
    const state = wrongs?.broken?.length ? 'broken' : wrongs?.weak?.length ? 'weak' : 'ok';
    if (state === 'ok' && (!wrongs || !isWhole)) {
      const text = 'the sandbox did not report it';
      return { check: name, against, state: 'untested', text, advice: 'Its image needs bash, sed and perl.' };
    }
    if (state === 'ok') return { check: name, against, state, text: holds };
    return {
      check: name,
      against,
      state,
      text: [...(wrongs?.broken ?? []), ...(wrongs?.weak ?? [])].join('; '),
      advice,
    };
  });
}
