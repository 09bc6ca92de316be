// @module-tag nightly
// Every attack that a program in a sandbox can make on its server, in real sandboxes, and those of programs with a
// sandbox's token, one kind after the other. Meanwhile another process asks for the server's health every 50 ms and
// reads the size of its memory.
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { attacks } from '../../support/hostile/hostile-attacks.ts';
import { callersAttacks } from '../../support/hostile/hostile-callers.ts';
import { hostileServer } from '../../support/hostile/hostile-server.ts';
import { describeHealth, expectUnhurt, healthWatch } from '../../support/servers/health-watch.ts';
import { worlds } from '../../support/worlds.ts';

/** Long enough for more than a hundred answers, so that one slow answer is not yet the slowest of a hundred. */
const attackMs = 6_500;
/** The settings of the server, with the walls of small sandboxes. */
const settings = {
  NODE_ENV: 'production',
  CORRAL_SANDBOX_DISK: '192MiB',
  CORRAL_SANDBOX_MEMORY: '512MiB',
  CORRAL_SANDBOX_PIDS: '256',
  CORRAL_E2B_FACADE: 'on',
  CORRAL_E2B_MAX_UPLOAD_BYTES: '8MiB',
};

describe.each(worlds)('a server whose sandboxes of $driver attack it', (world) => {
  test('stays below 400 MiB and goes on answering during every attack', async (context) => {
    await using hostile = await hostileServer(context, world, settings);
    const { server } = hostile.real;
    await using watch = await healthWatch(server);
    const quiet = await watch.during(() => pause(3_000));
    const figures = [`quiet: ${describeHealth(quiet)}`];
    await mkdir('.reports', { recursive: true });

    const { pid } = server;
    for (const [name, { run, shows }] of Object.entries({ ...callersAttacks, ...attacks })) {
      let evidence: readonly string[] = [];
      const seen = await watch.during(async () => {
        evidence = await run(hostile, AbortSignal.timeout(attackMs));
      });
      for (const shown of shows)
        expect.soft(evidence, `${name} took place`).toContainEqual(expect.stringMatching(shown));
      figures.push(`${name}: ${describeHealth(seen)}`);
      await writeFile(`.reports/hostile-${world.driver}.txt`, `${figures.join('\n')}\n`);
      expectUnhurt(seen, quiet, name);
    }
    expect(server.pid).toBe(pid);
    expect(server.output()).not.toMatch(/uncaught exception|unhandled rejection/);
  });
});
