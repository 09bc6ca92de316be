import { expect, test } from 'vitest';
import { createLockout } from '../../../src/auth/lockout.ts';
import { createTokenVerifier, maskUrlTokens, parseSubprotocols, readPresentedTokens } from '../../../src/auth/token.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const carried = (token: string) => `corral.bearer.${Buffer.from(token).toString('base64url')}`;

test('a server without a token requires none', () => {
  const gate = createTokenVerifier(undefined);
  expect([gate.required, gate.accepts([])]).toEqual([false, true]);
});

test.each([
  [['right'], true],
  [['wrong', 'right'], true],
  [[], false],
  [[''], false],
  [['righ'], false],
  [['right '], false],
  [['RIGHT'], false],
])('of the tokens %j it accepts: %s', (presented, accepted) =>
  expect(createTokenVerifier(new Secret('right')).accepts(presented)).toBe(accepted),
);

test('a token is found in the header, the query and the subprotocols', () => {
  const presented = readPresentedTokens({
    authorization: 'Bearer one',
    query: 'two',
    protocols: `corral, ${carried('thrée')}`,
  });
  expect(presented).toEqual(['one', 'two', 'thrée']);
  expect(readPresentedTokens({ authorization: 'Basic x', query: ['a', 'b'], protocols: 'corral' })).toEqual([]);
});

test('the token is not among the subprotocols that may be selected', () => {
  expect(parseSubprotocols(`binary,${carried('x')} , corral`)).toEqual({ offered: ['binary', 'corral'], token: 'x' });
  expect(parseSubprotocols(undefined)).toEqual({ offered: [], token: undefined });
});

test('a token is masked wherever it stands in a query', () => {
  expect(maskUrlTokens('/a?token=s3cret&b=1')).toBe('/a?token=***&b=1');
  expect([maskUrlTokens('/a?b=1&TOKEN=s3cret#x'), maskUrlTokens('/token=kept')]).toEqual([
    '/a?b=1&TOKEN=***#x',
    '/token=kept',
  ]);
  expect(maskUrlTokens('/a?%74oken=s3cret&%74%6F%6B%65%6E=s3cret')).toBe('/a?%74oken=***&%74%6F%6B%65%6E=***');
  expect(maskUrlTokens('/a?%zz=kept&connectionParam%73=s3cret')).toBe('/a?%zz=kept&connectionParam%73=***');
});

function gate() {
  const clock = manualClock(0);
  const reports: string[] = [];
  const it = createLockout({ clock, onFailure: (what, address) => reports.push(`${what} ${address}`) });
  const fail = (address: string, times: number) => {
    for (let n = 0; n < times; n++) it.failed(address);
  };
  return { clock, reports, it, fail };
}

test('F134 an address is locked out for a minute after a thousand wrong credentials, and that is reported once', () => {
  const { clock, reports, it, fail } = gate();
  fail('a', 999);
  expect(it.waitOf('a')).toBe(0);
  fail('a', 1);
  expect([it.waitOf('a'), it.waitOf('b')]).toEqual([60_000, 0]);
  fail('a', 1_000);
  expect(reports).toEqual(['failed a', 'locked a']);
  clock.advance(59_999);
  expect(it.waitOf('a')).toBe(1);
  clock.advance(1);
  expect(it.waitOf('a')).toBe(0);
});

test('wrong credentials of more than a minute ago are forgotten', () => {
  const { clock, it, fail } = gate();
  fail('a', 999);
  clock.advance(60_000);
  fail('a', 999);
  expect(it.waitOf('a')).toBe(0);
});

test('F104 ten thousand addresses are remembered and no more: the quietest is forgotten', () => {
  const { it, fail } = gate();
  fail('first', 1_000);
  fail('second', 1_000);
  for (let n = 0; n < 9_999; n++) it.failed(`10.0.${n >> 8}.${n & 255}`);
  expect([it.waitOf('first'), it.waitOf('second')]).toEqual([0, 60_000]);
});
