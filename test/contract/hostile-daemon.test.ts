// @module-tag all
// A stand-in for the daemon inside a real sandbox answers every call with garbage, as fast as it can.
import { describe, expect, test } from 'vitest';
import type { SandboxClient } from '../../src/sandboxes/client/client.ts';
import { garbage, healthyBut, hostileNames, lyingLists } from '../support/hostile/hostile-daemon.ts';
import { hostileSandbox } from '../support/hostile/hostile-sandbox.ts';
import { hasBubblewrap } from '../support/servers/process.ts';

const calls: Record<string, (client: SandboxClient, signal: AbortSignal) => Promise<unknown>> = {
  health: (client, signal) => client.health(signal),
  list: (client, signal) => client.listFiles('.', signal),
  exec: (client, signal) => client.exec({ command: 'true' }, signal),
};

describe.skipIf(!(await hasBubblewrap()))('a stand-in for the daemon in a real sandbox', () => {
  test.each(Object.entries(garbage))('%s ends the trust', async (_, answer) => {
    await using sandbox = await hostileSandbox(answer);
    for (const ask of Object.values(calls)) {
      await using link = await sandbox.attach();
      await expect(ask(link.client, AbortSignal.timeout(60_000))).rejects.toMatchObject({ code: 'sandbox_untrusted' });
      expect(link.client.trust.broken.aborted).toBe(true);
    }
  });

  test('a list of files has no name that leads out of its folder', async () => {
    await using sandbox = await hostileSandbox(healthyBut(lyingLists));
    await using link = await sandbox.attach();
    const names = (await link.client.listFiles('.', AbortSignal.timeout(60_000))).map(({ name }) => name);
    expect(names).toContain('fine.txt');
    expect(hostileNames.some((name) => name.includes('/'))).toBe(true);
    expect(names.filter((name) => /[/\0]/.test(name) || name === '..')).toEqual([]);
  });
});
