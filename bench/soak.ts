// `npm run soak -- [--minutes 60] [--driver process] [--active 6] [--starts 4]`: sessions work, start and end
// continuously, and the server must not grow. The first third is the warm-up. A session ends after 20 runs, because a
// conversation without end grows by what is said in it. Exit code 1: something grew, or something was left at the end.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ownedBy } from '../drivers/docker/labels.ts';
import type { Progress } from './lib/busy-sessions.ts';
import { startChild } from './lib/child-process.ts';
import { freshFolder } from './lib/folder.ts';
import { openFiles } from './lib/memory.ts';
import { startServer } from './lib/server.ts';
import { type Reading, trendOf } from './lib/trend.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    driver: { type: 'string', default: 'process' },
    active: { type: 'string', default: '6' },
    starts: { type: 'string', default: '4' },
  },
});
const minutes = Number(values.minutes);
const sampleMs = 5_000;
const tellMs = 60_000;
const runsEach = 20;
/**
 * The allowed growth in an hour, as a share of the whole; a filling cache looks the same as a leak. V8 keeps pages that it
 * once used, so the resident memory rises to the highest demand so far. A leak shows in the heap after a collection.
 */
const mostPerHour = (kind: Kind) => (kind === 'rssMiB' ? 0.25 : 0.1);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

const kinds = ['rssMiB', 'heapMiB', 'openFiles', 'threads', 'sandboxFolders', 'containers'] as const;
type Kind = (typeof kinds)[number];
const readings = Object.fromEntries(kinds.map((kind) => [kind, [] as Reading[]])) as Record<Kind, Reading[]>;
const failures: string[] = [];

await using stack = new AsyncDisposableStack();
const { path } = stack.use(await freshFolder());
const warnings = join(path, 'warnings');
const heap = join(path, 'heap');
const instance = `soak-${process.pid}`;
const collectOften = new URL('lib/collect-often.ts', import.meta.url).href;
const options = [`--redirect-warnings=${warnings}`, '--expose-gc', `--import=${collectOften}`];
const server = stack.use(
  await startServer({
    ...{ CORRAL_DRIVER: values.driver, CORRAL_EGRESS_POLICY: 'none', LOG_LEVEL: 'error' },
    ...{ CORRAL_SESSION_PASSIVATE_SECONDS: '5', NODE_OPTIONS: options.join(' ') },
    ...{ CORRAL_INSTANCE: instance, SOAK_HEAP: heap },
  }),
);
const folders = () => {
  const at = join(server.dataDir, 's');
  return existsSync(at) ? readdirSync(at).filter((name) => name.startsWith('sbx-')).length : 0;
};
const status = (name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${server.pid}/status`, 'latin1'))?.[1]);
const mine = ['ps', '-aq', '--filter', `label=${ownedBy(instance)}`];
const containers = () =>
  values.driver === 'docker' ? execFileSync('docker', mine, { encoding: 'latin1' }).split('\n').length - 1 : 0;
const now = (): Record<Kind, number> => ({
  rssMiB: status('VmRSS') / 1_024,
  heapMiB: existsSync(heap) ? Number(readFileSync(heap, 'latin1')) / 2 ** 20 : 0,
  openFiles: openFiles(server.pid),
  threads: status('Threads'),
  sandboxFolders: folders(),
  containers: containers(),
});

const atRest = now();
let done: Progress;
{
  await using busy = await startChild('busy-sessions', {
    ...{ url: server.url, active: Number(values.active), starts: Number(values.starts), runsEach },
  });
  await busy.call('begin');
  const begun = performance.now();
  let toldAt = 0;
  for (let atMs = 0; atMs < minutes * 60_000 && !stop.signal.aborted; atMs = performance.now() - begun) {
    const reading = now();
    for (const kind of kinds) readings[kind].push({ atMs, value: reading[kind] });
    if (atMs >= toldAt) {
      toldAt = atMs + tellMs;
      const { runs, started, failed } = await busy.call<Progress>('progress');
      failures.push(...failed);
      const shown = kinds.map((kind) => `${kind} ${Math.round(reading[kind])}`).join(', ');
      console.error(
        `soak: ${(atMs / 60_000).toFixed(0)} min: ${shown}; ${runs} runs, ${started} sessions came and went`,
      );
    }
    await pause(sampleMs, undefined, { signal: stop.signal }).catch(() => {});
  }
  done = await busy.call<Progress>('progress');
  failures.push(...done.failed);
}
const last = await settled();

const problems: string[] = [];
const took = (readings.rssMiB.at(-1)?.atMs ?? 0) / 60_000;
for (const kind of kinds) {
  const settledIn = readings[kind].slice(Math.floor(readings[kind].length / 3));
  const typical = settledIn.reduce((sum, { value }) => sum + value, 0) / settledIn.length;
  const { perHour, interval } = trendOf(settledIn);
  const grows = interval[0] > mostPerHour(kind) * typical;
  const shown = `${kind}: ${typical.toFixed(1)} on average, an hour adds ${perHour.toFixed(1)} (${interval.map((it) => it.toFixed(1)).join(' to ')})`;
  console.log(shown);
  if (grows) problems.push(`${kind} grows`);
}
console.log(`at rest before: ${JSON.stringify(atRest)}, after: ${JSON.stringify(last)}`);
console.log(
  `${took.toFixed(1)} minutes, ${done.runs} runs, ${done.started} sessions came and went, ${failures.length} calls failed`,
);
for (const why of failures.slice(0, 3)) console.log(`a call failed: ${why}`);
if (failures.length > 0) problems.push('calls failed');
if (last.sandboxFolders + last.containers > 0) problems.push('sandboxes were left');
if (last.openFiles > atRest.openFiles + 8) problems.push('open files were left');
if (existsSync(warnings) && /MaxListeners/.test(readFileSync(warnings, 'utf8'))) problems.push('listeners pile up');
console.log(problems.length === 0 ? 'nothing grew' : problems.join('; '));
process.exitCode = problems.length === 0 ? 0 : 1;

/** All sessions are deleted; their clean-up in the background gets some time. */
async function settled(): Promise<Record<Kind, number>> {
  for (let tries = 0; tries < 60 && (folders() > 0 || now().openFiles > atRest.openFiles + 8); tries++)
    await pause(500);
  return now();
}
