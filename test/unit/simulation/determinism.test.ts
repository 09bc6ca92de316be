import { expect, test } from 'vitest';
import { simulate } from '../../support/simulation/simulate.ts';

test('a seed is the same history each time, or a failing one could not be shown again', async () => {
  for (const seed of [7, 77, 777]) {
    const first = await simulate(seed);
    expect((await simulate(seed)).trace()).toEqual(first.trace());
    expect(first.trace().length).toBeGreaterThan(20);
  }
});
