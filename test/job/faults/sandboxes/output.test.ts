// @module-tag nightly
// Commands that print far too much output.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { fence } from '../../../support/clients/api.ts';
import { type RealServer, realServer } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const mb = 1024 * 1024;
const floods = {
  noise: 'head -c 50M /dev/urandom',
  lines: 'yes | head -c 50M',
  'one line': 'head -c 50M /dev/zero | tr "\\0" x',
};

async function rss({ server }: RealServer): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** The server's peak memory during the work, while it answers about another session. */
async function peakDuring(real: RealServer, other: string, work: () => Promise<void>) {
  let peak = 0;
  let over = false;
  const watching = (async () => {
    while (!over) {
      await real.client.get(other);
      peak = Math.max(peak, await rss(real));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await work().finally(() => {
    over = true;
  });
  await watching;
  return peak;
}

inEachWorld('process', 'with $driver', (world) => {
  test('F116 50 MB of output cost the server at most 20 MB; a preview and a file remain', async (context) => {
    await using real = await realServer(context, world);
    const { client } = real;
    const [id, other] = [await real.ready(), await real.client.create()];
    const trickles = Object.values(floods).map((command) => fence('sh', `${command} | head -c 300K`));
    const usual = await peakDuring(real, other, async () => {
      for (let n = 0; n < 6; n++) await client.chat(id, trickles.join('\n'));
    });
    const flood = await peakDuring(real, other, async () => {
      for (const [what, command] of Object.entries(floods)) {
        await client.chat(id, fence('sh', command));
        const called = real.factsOf(id, 'tool.called').at(-1);
        expect(called?.data, what).toMatchObject({ success: true, exitCode: 0 });
        // Random bytes get longer as text.
        expect(Buffer.byteLength(called?.data.output ?? ''), what).toBeLessThan(200_000);
      }
    });
    expect((flood - usual) / mb).toBeLessThanOrEqual(20);
    await client.chat(id, fence('sh', "ls -l .corral/output | awk '$5 >= 52428800' | wc -l"));
    expect(real.factsOf(id, 'tool.called').at(-1)?.data.output.trim()).toBe('3');
    await real.holds(id);
  });
});
