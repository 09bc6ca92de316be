import { afterEach, expect, test } from 'vitest';
import {
  armedSpec,
  armFailpoints,
  failpoint,
  failpointHits,
  failpointSpec,
  failpointSync,
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

test('an unarmed failpoint does nothing and counts nothing', () => {
  expect(failpoint('a')).toBeUndefined();
  failpointSync('a');
  expect(failpointHits('a')).toBe(0);
  expect(armedSpec()).toBeUndefined();
});

test('an exit springs on the hit it names and on no other', () => {
  arm('a=exit@2');
  for (const expected of [0, 1, 1]) {
    failpointSync('a');
    expect(exits).toHaveLength(expected);
  }
  expect(exits).toEqual([137]);
  expect(failpointHits('a')).toBe(3);
});

test('the star counts the hits of every name', () => {
  arm('*=exit(3)@3');
  for (const name of ['a', 'b', 'a']) failpointSync(name);
  expect(exits).toEqual([3]);
  expect([failpointHits('a'), failpointHits('b'), failpointHits('*')]).toEqual([2, 1, 3]);
});

test('throw throws where it is hit, and other names go on', () => {
  arm('a=throw; b=throw@2');
  expect(() => failpointSync('a')).toThrow('failpoint a');
  expect(() => failpoint('a')).toThrow('failpoint a');
  failpointSync('b');
  failpointSync('c');
});

test('sleep lets its caller go on, and hang blocks it for ever', async () => {
  arm('a=sleep(1),b=hang');
  await expect(failpoint('a')).resolves.toBeUndefined();
  arm('b=hang');
  await expect(Promise.race([failpoint('b'), new Promise((resolve) => setImmediate(resolve, 'first'))])).resolves.toBe(
    'first',
  );
});

test('disposing disarms, but not what was armed since', () => {
  arm('a=throw');
  const first = disarm;
  arm('b=throw');
  first?.[Symbol.dispose]();
  expect(armedSpec()).toBe('b=throw');
  disarm?.[Symbol.dispose]();
  expect(armedSpec()).toBeUndefined();
});

test.each(['a', 'a=explode', 'a=sleep', 'a=throw(1)', 'a=hang(2)', '=exit', 'a=exit@x'])(
  'the spec "%s" is refused by name',
  (spec) => expect(() => arm(spec)).toThrow(`CORRAL_FAILPOINTS: "${spec}"`),
);

test('an environment arms only where NODE_ENV says test', () => {
  expect(failpointSpec({ NODE_ENV: 'test', CORRAL_FAILPOINTS: 'a=exit' })).toBe('a=exit');
  expect(failpointSpec({ NODE_ENV: 'production', CORRAL_FAILPOINTS: 'a=exit' })).toBeUndefined();
  expect(failpointSpec({ CORRAL_FAILPOINTS: 'a=exit' })).toBeUndefined();
  expect(failpointSpec({ NODE_ENV: 'test' })).toBeUndefined();
});
