// @module-tag nightly
import { setTimeout as passes } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { realServer, trpcOf } from '../../../support/servers/real-server.ts';
import { seeded } from '../../../support/simulation/dice.ts';
import { chaosSeed } from '../../../support/stores/chaos.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const minutes = Number(process.env.TEST_STORM_MINUTES ?? 10);
const boxes = 4;

inEachWorld('process', 'sandboxes that pause by themselves with $driver', (world) => {
  const seed = chaosSeed();
  test(`lose no write of ${minutes} minutes of traffic, and leave nothing (CHAOS_SEED=${seed})`, async (context) => {
    await using real = await realServer(context, world, { CORRAL_SANDBOX_IDLE_SECONDS: '2' });
    const { sandbox, files } = trpcOf(real);
    const ids = await Promise.all(Array.from({ length: boxes }, () => real.ready()));
    const until = Date.now() + minutes * 60_000;
    const written = await Promise.all(
      ids.map(async (id, nth) => {
        const of = { sessionId: id };
        const roll = seeded(seed + nth);
        let n = 0;
        while (Date.now() < until) {
          n += 1;
          const { stdout, exitCode } = await sandbox.exec.mutate({ ...of, command: `echo ${n} >> log; tail -1 log` });
          expect([stdout, exitCode]).toEqual([`${n}\n`, 0]);
          const choice = roll();
          // A pause while the sandbox starts is refused, which is no fault here.
          if (choice < 0.2) await sandbox.pause.mutate(of).catch(() => {});
          else if (choice < 0.3) await sandbox.pause.mutate({ ...of, keeps: 'files' }).catch(() => {});
          else if (choice < 0.6) await passes(roll() * 4_000); // by then it pauses, or is about to
          const { content } = await files.read.query({ ...of, path: 'log' });
          expect(content.trimEnd().split('\n').at(-1)).toBe(`${n}`);
        }
        return n;
      }),
    );
    for (const [nth, id] of ids.entries()) {
      const { stdout } = await sandbox.exec.mutate({ sessionId: id, command: 'cat log' });
      expect(stdout).toBe(Array.from({ length: written[nth] ?? 0 }, (_, n) => `${n + 1}\n`).join(''));
      const phases = real.factsOf(id, 'sandbox.phase').map(({ data }) => data.phase);
      expect(phases).toContain('pausing');
      expect(phases).not.toContain('lost');
      await real.holds(id);
    }
  });
});
