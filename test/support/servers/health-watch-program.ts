// Asks a server for its health every 50 ms, and prints a line of JSON for each answer. It is a process of its own, so that
// the test's other work does not delay it.
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const everyMs = 50;
const [url = '', pid = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
try {
  setPriority(-19);
} catch {
  // Only root can. Otherwise this program's own waiting is subtracted.
}

/** In ms, how long the main thread of a process has waited for a processor. */
function waitedMs(of: string): number {
  const [, waited] = readFileSync(`/proc/${of}/task/${of}/schedstat`, 'latin1').split(' ');
  return Number(waited) / 1e6;
}

function rssMiB(): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kib) / 1024;
}

const asked = () =>
  new Promise<number>((resolve) => {
    const request = get(`${url}/health`, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', () => resolve(0));
  });

for (;;) {
  const began = performance.now();
  const before = [waitedMs(pid), waitedMs(`${process.pid}`)] as const;
  const status = await asked();
  const tookMs = performance.now() - began;
  const waits = [waitedMs(pid) - before[0], waitedMs(`${process.pid}`) - before[1]] as const;
  const ownMs = Math.max(0, tookMs - waits[0] - waits[1]);
  console.log(JSON.stringify({ status, tookMs, ownMs, rssMiB: rssMiB() }));
  await pause(Math.max(0, everyMs - tookMs));
}
