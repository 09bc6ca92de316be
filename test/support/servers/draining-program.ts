// A program with one job in progress; the shutdown test runs it as a child process.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenForShutdown } from '../../../src/app/shutdown.ts';

const [graceMs, jobMs] = process.argv.slice(2).map(Number) as [number, number];
using shutdown = listenForShutdown(graceMs);
await using stack = new AsyncDisposableStack();
stack.defer(() => console.log('store closed'));
stack.defer(async () => {
  await sleep(jobMs);
  console.log('job done');
});
const server = setInterval(() => {}, 1_000); // stands for the listening socket of a real server
console.log('ready');
await once(shutdown.requested, 'abort');
clearInterval(server);
console.log('draining');
