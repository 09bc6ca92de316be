import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../support/api.ts';
import { chaosKill } from '../support/chaos.ts';
import { needs } from '../support/components.ts';

const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe(`the server is killed again and again (CHAOS_SEED=${seed})`, () => {
  test('F001 docker: 50 kills at random moments lose nothing, repeat nothing and leak nothing', {
    timeout: 400_000,
  }, async (context) => {
    await needs(context, 'docker');
    const leftovers = async (id: string) => {
      const filter = ['--filter', `label=corral.session=${id}`, '-q'];
      const found = await Promise.all([
        run('docker', ['ps', '-a', ...filter]),
        run('docker', ['volume', 'ls', ...filter]),
      ]);
      return found.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
    };
    const { resumed, problems } = await chaosKill({ driver: 'docker', points: 50, seed, leftovers });
    expect(problems).toEqual([]);
    expect(resumed).toBeGreaterThan(12);
  });

  test('F001 process: kills at random moments lose nothing, repeat nothing and leak nothing', {
    timeout: 400_000,
  }, async (context) => {
    await needs(context, 'bubblewrap');
    const leftovers = async (_: string, data: string) =>
      (await readdir(join(data, 's'))).filter((name) => name.startsWith('sbx-'));
    const { resumed, problems } = await chaosKill({ driver: 'process', points: 20, seed: seed + 1, leftovers });
    expect(problems).toEqual([]);
    expect(resumed).toBeGreaterThan(4);
  });
});
