// A stop over any API ends every process of the stopped work.
import { describe, expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { type RealServer, realServer } from '../../support/servers/real-server.ts';
import type { World } from '../../support/worlds.ts';

/** Four kinds: a child in its own session, an orphan, a process that ignores TERM, and one that waits. */
const family =
  'setsid sleep 811 & (setsid sleep 812 > /dev/null 2>&1 &) ; setsid bash -c \'trap "" TERM; sleep 813; sleep 814\' & sleep 815';

export const stoppingIn = (world: World) =>
  describe(`in ${world.driver}`, () => {
    const processes = async (real: RealServer, id: string) => {
      const response = await fetch(`${real.server.url}/api/sessions/${id}/processes`);
      return (await response.json()) as { pid: number; cmd: string; status: string }[];
    };
    const sleeping = async (real: RealServer, id: string) =>
      (await processes(real, id))
        .filter(({ cmd, status }) => status === 'running' && /^sleep 81/.test(cmd))
        .map(({ cmd }) => cmd)
        .sort();
    const everybody = ['sleep 811', 'sleep 812', 'sleep 813', 'sleep 815'];
    const post = async (real: RealServer, path: string, body: object = {}) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const response = await fetch(real.server.url + path, init);
      expect(response.status, await response.text()).toBe(200);
    };
    const ways: readonly [string, (real: RealServer, id: string, root: number) => Promise<void>][] = [
      ['Crogia: stop a process', (real, id, root) => post(real, `/api/sessions/${id}/processes/${root}/stop`)],
      ['tRPC: processes.stop', (real, id, root) => post(real, '/trpc/processes.stop', { sessionId: id, pid: root })],
      ['tRPC: runs.stop', (real, id) => post(real, '/trpc/runs.stop', { sessionId: id })],
      ['SheikhBox: stop the session', async (real, id) => void (await real.client.stop(id))],
    ];

    test('each way of stopping ends detached children, double forks and processes that ignore TERM', async (context) => {
      await using real = await realServer(context, world);
      const id = await real.ready();
      for (const [name, stop] of ways) {
        await real.client.send(id, fence('sh', family));
        await expect.poll(() => sleeping(real, id), { message: name }).toEqual(everybody);
        const root = (await processes(real, id)).find(({ cmd }) => cmd.startsWith('bash -c') && cmd.includes('811'));
        await stop(real, id, root?.pid ?? 0);
        await expect.poll(() => sleeping(real, id), { message: name }).toEqual([]);
        await expect.poll(() => real.client.status(id), { message: name }).not.toBe('running');
      }
      await real.holds(id);
    });
  });
