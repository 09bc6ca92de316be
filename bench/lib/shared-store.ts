import { readFileSync } from 'node:fs';
import { MongoClient } from 'mongodb';
import { randomIds } from '../../src/core/ids.ts';

/** A new database at MONGODB_URL, dropped when disposed. */
export async function freshDatabase(): Promise<{ readonly name: string; at(base: string): string } & AsyncDisposable> {
  const name = `corral_bench_${randomIds().short()}`;
  const address = process.env.MONGODB_URL ?? '';
  return {
    name,
    at(base) {
      const url = new URL(base);
      url.pathname = `/${name}`;
      return url.href;
    },
    async [Symbol.asyncDispose]() {
      await using client = new MongoClient(address);
      await client.db(name).dropDatabase();
    },
  };
}

export const missingMongo = async (): Promise<string | undefined> =>
  process.env.MONGODB_URL ? undefined : 'MONGODB_URL names no server';

/** The processor time that the process has used so far, in ms. */
export function cpuMsOf(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
  const [user, system] = rest.split(' ').slice(11, 13).map(Number) as [number, number];
  return (user + system) * 10; // in ticks of 10 ms
}
