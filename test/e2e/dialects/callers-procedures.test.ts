import { afterAll, beforeAll, expect, test } from 'vitest';
import { begun } from './caller-calls.ts';
import { type Asked, type CallerMatrix, callerMatrix } from './caller-matrix.ts';
import { inputOf, placeOf, procedures } from './caller-procedures.ts';
import { procedureRules } from './caller-rules.ts';

// Every tRPC procedure over HTTP.

let matrix: CallerMatrix;
beforeAll(async () => {
  matrix = await callerMatrix();
}, 60_000);
afterAll(() => matrix[Symbol.asyncDispose]());

test('the table names every procedure, and each answers each caller as its rule says', {
  timeout: 120_000,
}, async () => {
  expect(Object.keys(procedureRules).sort()).toEqual(Object.keys(procedures).sort());
  const asked = Object.entries(procedureRules).map(
    ([name, rule]): Asked => ({
      ...{ name, rule, path: placeOf(name) },
      ask: async (caller, to) => {
        const body = JSON.stringify(inputOf(name, to));
        const isPost = procedures[name]?._def.type === 'mutation';
        const input = name === 'system.info' || isPost ? '' : `?input=${encodeURIComponent(body)}`;
        const signal = AbortSignal.timeout(10_000);
        const init = { headers: matrix.credentials(caller), signal, ...(isPost && { method: 'POST', body }) };
        const response = await fetch(`${matrix.server.url}/trpc/${name}${input}`, init);
        return { code: response.status, text: await begun(response) };
      },
    }),
  );
  expect(await matrix.mistakes(asked)).toEqual([]);
});
