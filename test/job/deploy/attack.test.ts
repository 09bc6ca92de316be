// @module-tag all
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type Finding, judgeFacts } from '../../../src/app/commands/attack/checks.ts';
import { factsIn, lookInside } from '../../../src/app/commands/attack/look-inside.ts';
import { run } from '../../support/clients/api.ts';
import { serverProgram } from '../../support/servers/built-server.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const token = 'a-token-for-the-doctor';
async function attacked(url: string, key = token) {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    serverProgram(),
    'doctor',
    '--attack',
    '--json',
    '--url',
    url,
  ];
  const env = { PATH: process.env.PATH, CORRAL_TOKEN: key };
  const { code = 0, stdout } = await run(process.execPath, flags, { env }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (failed: { code: number; stdout: string }) => failed,
  );
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return { code, findings, of: (state: Finding['state']) => namesOf(findings, state) };
}
const namesOf = (findings: readonly Finding[], state: Finding['state']) =>
  findings.filter((one) => one.state === state).map(({ check, text: found }) => `${check}: ${found}`);

test('doctor --attack finds nothing broken on a server with bubblewrap, and leaves no session', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_TOKEN: token, CORRAL_E2B_FACADE: 'on' });
  const { code, of } = await attacked(server.url);
  expect([[of('broken'), of('untested')], code]).toEqual([[[], []], 0]);
  const list = await fetch(`${server.url}/sessions`, { headers: { authorization: `Bearer ${token}` } });
  expect(await list.text()).not.toContain('doctor');
});

test('doctor --attack goes red on a server whose sandboxes nothing isolates', { tags: ['nightly'] }, async () => {
  const key = 'a-token-without-walls';
  await using server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_TOKEN: key, ...noWalls });
  const { code, findings, of } = await attacked(server.url, key);
  expect(code).toBe(1);
  const broken = findings.filter(({ state }) => state === 'broken').map(({ check }) => check);
  for (const check of ['host-files', 'process-namespace', 'loopback', 'new-privileges'])
    expect(broken).toContain(check);
  expect(of('weak').join()).toContain('driver: no-isolation');
});
const noWalls = { PATH: '/nowhere' }; // no bubblewrap

/** Looks into a container that is made with these flags, as the engine's own defaults and mistakes make it. */
async function container(...flags: string[]) {
  const all = [
    'run',
    '--rm',
    '--pull',
    'never',
    '-i',
    '--network',
    'none',
    ...flags,
    'debian:bookworm-slim',
    'bash',
    '-s',
  ];
  const child = spawn('docker', all, { stdio: ['pipe', 'pipe', 'inherit'] });
  const out = text(child.stdout);
  child.stdin.end(lookInside({ canary: 'corral-doctor-no-process', canaryFile: '/host/etc/hostname', serverPort: 9 }));
  return judgeFacts(factsIn(await out));
}

test('the checks go red in containers with one wall less each, and on none with all of them', {
  tags: ['nightly'],
}, async (context) => {
  await needs(context, 'docker');
  const walls = ['--user', '43950', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
  const missing = [
    ['identity', ['--user', '0']],
    ['capabilities', ['--user', '0', '--cap-add', 'DAC_OVERRIDE']],
    ['system-call-filter', ['--security-opt', 'seccomp=unconfined']],
    ['host-mounts', ['--tmpfs', '/workspace', '--volume', '/tmp:/data']],
    ['host-files', ['--volume', '/etc:/host/etc:ro']],
    ['process-namespace', ['--pid', 'host']],
    ['engine-socket', ['--user', '0', '--volume', '/var/run/docker.sock:/var/run/docker.sock']],
  ] as const;
  expect(namesOf(await container(...walls), 'broken')).toEqual([]);
  for (const [check, flags] of missing) {
    const found = (await container(...walls, ...flags)).find((one) => one.check === check);
    expect(found).toMatchObject({ check, state: 'broken' });
  }
});
