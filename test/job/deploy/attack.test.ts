// @module-tag all
import { expect, test } from 'vitest';
import type { Finding } from '../../../src/app/commands/attack/checks.ts';
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

test('doctor --attack finds nothing broken with bubblewrap', { tags: ['nightly'] }, async (context) => {
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
