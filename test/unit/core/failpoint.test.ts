import { afterEach, expect, test } from 'vitest';
import {
  armFailpoints,
  countFailpointHits,
  failpoint,
  failpointSync,
  readFailpointSpec,
} from '../../../src/core/errors/failpoint.ts';

let disarm: Disposable | undefined;
const exits: number[] = [];
const arm = (spec: string) => {
  disarm = armFailpoints(spec, { exit: (code) => exits.push(code) });
};
afterEach(() => {
  disarm?.[Symbol.dispose]();
  exits.length = 0;
});

test('an exit springs on the hit it names and on no other', () => {
  arm('a=exit@2');
  for (const expected of [0, 1, 1]) {
    failpointSync('a');
    expect(exits).toHaveLength(expected);
  }
  expect([exits, countFailpointHits('a')]).toEqual([[137], 3]);
});

test('sleep lets its caller continue, and hang blocks it for ever', async () => {
  arm('a=sleep(1),b=hang');
  await expect(failpoint('a')).resolves.toBeUndefined();
  arm('b=hang');
  await expect(Promise.race([failpoint('b'), new Promise((resolve) => setImmediate(resolve, 'first'))])).resolves.toBe(
    'first',
  );
});

test.each(['a', 'a=explode', 'a=sleep', 'a=throw(1)', 'a=hang(2)', '=exit', 'a=exit@x'])(
  'the spec "%s" is refused by name',
  (spec) => expect(() => arm(spec)).toThrow(`CORRAL_FAILPOINTS: "${spec}"`),
);

test('an environment arms only where NODE_ENV says test', () => {
  const armed = ['test', 'production', undefined].map((NODE_ENV) =>
    readFailpointSpec({ NODE_ENV, CORRAL_FAILPOINTS: 'a' }),
  );
  expect([...armed, readFailpointSpec({ NODE_ENV: 'test' })]).toEqual(['a', undefined, undefined, undefined]);
});
