// @module-tag all
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { doctorCommand } from '../../../src/app/commands/doctor.ts';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';

const token = 'a-token-for-the-doctor';
beforeEach(() => void vi.stubEnv('CORRAL_TOKEN', token));
afterEach(() => void vi.unstubAllEnvs());

async function doctor(url: string, ...more: string[]) {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const code = await doctorCommand.run(['--url', url, ...more], { signal: neverAbortingSignal, print, say: print });
  return { code, stdout: lines.join('\n') };
}

test('doctor reports a healthy server with its isolation, and any address that a sandbox can reach', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await composedServer({ CORRAL_DRIVER: 'process', CORRAL_TOKEN: token });
  const well = await doctor(server.url, '--probe', '192.0.2.1:443');
  expect(well.stdout).not.toContain('FAILED');
  // Without root, for example, no limit holds for a sandbox as a whole: doctor names each such weakness of the machine.
  const health = await fetch(`${server.url}/health/detailed`, { headers: { authorization: `Bearer ${token}` } });
  const { checks } = (await health.json()) as { checks: { sandbox: { weaknesses?: { name: string }[] } } };
  const names = (checks.sandbox.weaknesses ?? []).map(({ name }) => name);
  expect([...well.stdout.matchAll(/^weak +([a-z-]+):/gm)].map(([, name]) => name)).toEqual(names);
  const end = names.length === 0 ? 'No problems found.' : `No failures, but ${names.length} weakness`;
  expect(well).toMatchObject({ code: 0, stdout: expect.stringContaining(end) });
  for (const line of [
    'the store is healthy',
    'what starts sandboxes (process) is healthy',
    'its system is read-only',
    'from it, closed: 192.0.2.1:443',
    `from it, closed: ${new URL(server.url).host}`,
  ]) {
    expect(well.stdout).toContain(line);
  }
  const ill = await doctor(server.url, '--probe', '127.0.0.1:3128'); // the sandbox's own forwarder
  expect(ill).toMatchObject({ code: 1, stdout: expect.stringContaining('FAILED  from it, open: 127.0.0.1:3128') });
});

test('doctor gives advice on no server, a wrong token, a wrong address', { tags: ['nightly'] }, async () => {
  await using server = await composedServer({ CORRAL_TOKEN: 'another-token' });
  await expect(doctor(server.url)).rejects.toThrow('set CORRAL_TOKEN');
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  await expect(doctor(nowhere)).rejects.toThrow(`No server answers at ${nowhere}`);
  await expect(doctor(server.url, '--probe', '$(reboot):1')).rejects.toThrow('is not host:port');
});
