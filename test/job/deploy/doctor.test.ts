// @module-tag all
import { expect, test } from 'vitest';
import { run } from '../../support/clients/api.ts';
import { serverProgram } from '../../support/servers/built-server.ts';
import { needs } from '../../support/servers/components.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const token = 'a-token-for-the-doctor';
const doctor = (url: string, ...more: string[]) => command('doctor', '--url', url, ...more);
const command = (...args: string[]) =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', serverProgram(), ...args], {
    env: { PATH: process.env.PATH, CORRAL_TOKEN: token },
  }).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );

test('doctor reports a healthy server with its isolation, and any address that a sandbox can reach', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_TOKEN: token });
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
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory', CORRAL_TOKEN: 'another-token' });
  expect(await doctor(server.url)).toMatchObject({ code: 1, stderr: expect.stringContaining('set CORRAL_TOKEN') });
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  expect(await doctor(nowhere)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`No server answers at ${nowhere}`),
  });
  const expected = { code: 1, stderr: expect.stringContaining('is not host:port') };
  expect(await doctor(server.url, '--probe', '$(reboot):1')).toMatchObject(expected);
});
