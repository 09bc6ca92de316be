import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import type { ServerProcess } from './server-process.ts';

interface Sample {
  /** 0: the connection failed. */
  readonly status: number;
  readonly tookMs: number;
  /** Without the time in which the server's main thread, or the watching process, waited for a processor. */
  readonly ownMs: number;
  readonly rssMiB: number;
}
interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
export interface HealthSummary {
  readonly samples: number;
  readonly unhealthy: number;
  /** The most, in MiB. */
  readonly rss: number;
  /** How long an answer took, in ms. */
  readonly took: Times;
  readonly own: Times;
}
export interface HealthWatch extends AsyncDisposable {
  /** Resolves with the answers and the memory during the work. */
  during(work: () => Promise<unknown>): Promise<HealthSummary>;
}

const program = join(import.meta.dirname, 'health-watch-program.ts');

/** Watches one life of a server from a process of its own: its health every 50 ms, and its memory. */
export async function healthWatch({ url, pid }: Pick<ServerProcess, 'url' | 'pid'>): Promise<HealthWatch> {
  const child = spawn(process.execPath, [program, url, `${pid}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const samples: Sample[] = [];
  createInterface(child.stdout).on('line', (line) => void samples.push(JSON.parse(line) as Sample));
  const next = async () => {
    const count = samples.length;
    await expect.poll(() => samples.length > count || child.exitCode !== null).toBe(true);
    expect(child.exitCode, 'the server lives').toBe(null);
  };
  await next();
  return {
    async during(work) {
      const first = samples.length;
      await work();
      await next();
      return seenIn(samples.slice(first));
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

function seenIn(samples: readonly Sample[]): HealthSummary {
  return {
    samples: samples.length,
    unhealthy: samples.filter(({ status }) => status !== 200).length,
    rss: Math.max(...samples.map(({ rssMiB }) => rssMiB)),
    took: timesOf(samples.map(({ tookMs }) => tookMs)),
    own: timesOf(samples.map(({ ownMs }) => ownMs)),
  };
}

function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

const times = ({ p50, p99, max }: Times) => [p50, p99, max].map((ms) => ms.toFixed(0)).join('/');
export const describeHealth = ({ samples, unhealthy, rss, took, own }: HealthSummary): string =>
  `${samples} answers, ${unhealthy} unhealthy, ${rss.toFixed(0)} MiB, p50/p99/max ${times(took)} ms, own part ${times(own)} ms`;

/** An answer took 9 to 22 s when one message held the server's thread. A busy machine alone does not take so long. */
const silenceMs = 5_000;

/**
 * Fails the test, at its end, when the server was larger than 400 MiB, was unhealthy, or was silent for seconds. The time of
 * an answer, which shall stay below 100 ms, is a figure: on a busy machine most of it is no part of the server's.
 */
export function expectUnhurt(seen: HealthSummary, quiet: HealthSummary, name: string): void {
  const figures = `${name}: ${describeHealth(seen)}; quiet: ${describeHealth(quiet)}`;
  expect.soft(seen.rss, figures).toBeLessThan(400);
  expect.soft(seen.unhealthy, figures).toBe(0);
  expect.soft(seen.own.max, figures).toBeLessThan(silenceMs);
}
