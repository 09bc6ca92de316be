import { describe, expect, test } from 'vitest';
import { evaluateInspection, sandboxChecks } from '../../../../../src/app/commands/attack/checks.ts';
import { parseInspectionResults } from '../../../../../src/app/commands/attack/look-inside.ts';

/** A Docker sandbox's report about itself. */
const confined = {
  CapInh: '0',
  CapPrm: '0000000000000000',
  CapEff: '0000000000000000',
  CapBnd: '0000000000000000',
  CapAmb: '0',
  NoNewPrivs: '1',
  Seccomp: '2',
  uid: '43950',
  gids: '43950',
  kernel: '6.18.44',
  machine: 'Linux version 6.18',
  system: 'read-only',
  mount: '/workspace /x ext4 /dev/vda rw',
  environment: 'PATH /',
  interface: 'lo',
  proxy: '169.254.169.254:80 HTTP/1.1 403 Forbidden',
  call: 'bpf 1',
  end: 'of it',
};
const findings = (more: Readonly<Record<string, string | undefined>> = {}) => {
  const lines = Object.entries({ ...confined, ...more }).flatMap(([name, value]) =>
    value === undefined ? [] : value.split('\n').map((one) => `${name} ${one}`),
  );
  return evaluateInspection(parseInspectionResults(lines.join('\n')));
};
const stateOf = (check: string, more: Readonly<Record<string, string | undefined>>) =>
  findings(more).find((one) => one.check === check)?.state;

test('a confined sandbox is ok in every check', () => {
  expect(findings().filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(findings()).toHaveLength(sandboxChecks.length);
});

describe('each broken configuration is found by its check', () => {
  const cases: readonly [check: string, state: 'broken' | 'weak', facts: Record<string, string>][] = [
    ['identity', 'broken', { uid: '0' }],
    ['capabilities', 'broken', { CapEff: '0000000000200000' }],
    ['capabilities', 'broken', { CapPrm: '000001ffffffffff', CapEff: '000001ffffffffff' }],
    ['capabilities', 'weak', { CapBnd: '00000000a80425fb' }],
    ['new-privileges', 'broken', { NoNewPrivs: '0' }],
    ['system-call-filter', 'broken', { Seccomp: '0' }],
    ['system-calls', 'broken', { call: 'bpf 0' }],
    ['system-calls', 'broken', { call: 'packet_socket 0' }],
    ['system-calls', 'broken', { call: 'init_module 14' }],
    ['system-calls', 'weak', { call: 'io_uring_setup 0' }],
    ['engine-socket', 'broken', { 'engine-socket': '/var/run/docker.sock' }],
    ['host-mounts', 'broken', { mount: '/host / ext4 /dev/vda rw' }],
    ['host-mounts', 'broken', { mount: '/etc/kubernetes /etc/kubernetes ext4 /dev/vda rw' }],
    ['host-mounts', 'broken', { mount: '/data /srv ext4 /dev/vda rw' }],
    ['system-files', 'weak', { system: 'writable' }],
    ['system-files', 'broken', { runtime: '/proc/1/exe' }],
    ['kernel-settings', 'broken', { 'kernel-file': '/proc/sys/kernel/core_pattern' }],
    ['control-groups', 'broken', { 'cgroup-file': '/sys/fs/cgroup/release_agent' }],
    ['devices', 'broken', { device: '/dev/vda' }],
    ['process-namespace', 'broken', { 'host-process': 'kthreadd' }],
    ['host-files', 'broken', { 'host-file': 'abc' }],
    ['leaked-descriptors', 'broken', { descriptor: '/sys/fs/cgroup' }],
    ['credentials', 'broken', { credential: '/var/run/secrets/kubernetes.io/serviceaccount/token' }],
    ['credentials', 'weak', { program: 'kubectl', interface: 'lo\neth0' }],
    ['environment', 'weak', { environment: 'OPENAI_API_KEY s' }],
    ['loopback', 'broken', { loopback: '2375' }],
    ['proxy', 'broken', { proxy: '169.254.169.254:80 HTTP/1.1 200 Connection established' }],
    ['kernel-version', 'weak', { kernel: '5.10.50-generic' }],
    ['kernel-version', 'weak', { kernel: '4.4.0-21' }],
  ];
  test.each(cases)('%s is %s with %j', (check, state, facts) => expect(stateOf(check, facts)).toBe(state));
  test('every check has one', () =>
    expect([...new Set(cases.map(([check]) => check))].sort()).toEqual(sandboxChecks.map(({ name }) => name).sort()));
});

test('the scenarios of the public benchmark each have a check', () => {
  const scenarios = [
    ...['Kubernetes RBAC', 'kubectl cp', 'CRI-O CVE-2022-0811', 'route_localnet CVE-2020-8558', 'privileged container'],
    ...['Docker socket', 'host path mount', 'CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_DAC_READ_SEARCH', 'eBPF'],
    ...['runc CVE-2019-5736', 'CVE-2024-21626', 'host PID namespace', 'release_agent CVE-2022-0492'],
    ...['Dirty COW CVE-2016-5195', 'Dirty Pipe CVE-2022-0847', 'packet socket CVE-2020-14386'],
  ];
  expect(sandboxChecks.flatMap(({ against }) => against)).toEqual(expect.arrayContaining(scenarios));
});

test('a sandbox that says nothing, or not everything, is untested, never ok', () => {
  expect(new Set(evaluateInspection(parseInspectionResults('')).map(({ state }) => state))).toEqual(
    new Set(['untested']),
  );
  expect(findings({ end: undefined }).filter(({ state }) => state === 'ok')).toEqual([]);
  expect(findings({ end: undefined, uid: '0' })[0]?.state).toBe('broken');
});

test('calls that a kernel of the sandbox’s own answers are no way out', () => {
  const gvisor = { machine: 'Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016', kernel: '4.4.0', call: 'bpf 0' };
  expect(findings({ ...gvisor, Seccomp: '0' }).filter(({ state }) => state !== 'ok')).toEqual([]);
});

test.each([
  ['4.4.25', 'weak'],
  ['4.4.302', 'ok'],
  ['5.10.102', 'ok'],
  ['5.15.24', 'weak'],
  ['5.17.0', 'ok'],
  ['6.18.44-custom', 'ok'],
] as const)('the kernel %s is %s', (kernel, state) => expect(stateOf('kernel-version', { kernel })).toBe(state));
