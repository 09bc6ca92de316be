// `npm run chaos -- --minutes N --seed S [--store sqlite|mongodb] [--driver docker|process]`: injects all kinds of
// faults into a running server, in an order that the seed determines, then checks the invariants of docs/faults.md.
// Exits with 1 if any is violated.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string', default: 'sqlite' },
    driver: { type: 'string', default: 'docker' },
  },
});
const Options = z.object({
  minutes: z.coerce.number().min(0.1).max(600),
  seed: z.coerce.number().int().min(0),
  store: z.enum(['sqlite', 'mongodb']),
  driver: z.enum(['docker', 'process']),
});
const read = Options.safeParse(values);
if (!read.success) {
  console.error(`chaos: ${z.prettifyError(read.error)}`);
  process.exit(2);
}
const { minutes, seed, store, driver } = read.data;
if (store === 'mongodb' && !process.env.TEST_MONGODB_URL) {
  console.error('chaos: --store mongodb needs TEST_MONGODB_URL, the address of a server for tests.');
  process.exit(2);
}
const chaos = { CHAOS_MINUTES: String(minutes), CHAOS_SEED: String(seed), CHAOS_STORE: store, CHAOS_DRIVER: driver };
const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/job/chaos/storm.test.ts', '--disable-console-intercept'];
const { status } = spawnSync(process.execPath, vitest, {
  cwd: join(import.meta.dirname, '..'),
  stdio: 'inherit',
  env: { ...process.env, ...chaos, CI: 'true' }, // a missing component fails the run
});
process.exitCode = status ?? 1;
