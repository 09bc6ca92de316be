import { beforeAll, describe, expect, test } from 'vitest';
import { eachNeeds, has } from '../servers/components.ts';
import { runOnSdk, type Steps } from './e2b-sdks.ts';

/** Runs a program once and tests the result of each of its steps. `env` leads the program to the server. */
export function stepsOf(
  file: string,
  expected: Steps,
  env: () => Promise<Record<string, string>> | Record<string, string>,
) {
  describe(file, () => {
    let steps: Steps;
    const isPython = file.endsWith('.py');
    if (isPython) eachNeeds('python');
    beforeAll(async () => {
      if (!isPython || (await has('python'))) steps = await runOnSdk(file, await env());
    });
    test.each(Object.entries(expected))(`${file}: %s`, (name, value) => expect(steps[name]).toEqual(value));
    test(`${file}: has no other steps`, () => expect(Object.keys(steps).sort()).toEqual(Object.keys(expected).sort()));
  });
}
