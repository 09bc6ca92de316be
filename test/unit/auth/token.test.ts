import { expect, test } from 'vitest';
import { maskToken, presentedTokens, readSubprotocols, tokenCheck } from '../../../src/auth/token.ts';
import { Secret } from '../../../src/core/text/secret.ts';

const carried = (token: string) => `corral.bearer.${Buffer.from(token).toString('base64url')}`;

test('a server without a token requires none', () => {
  const gate = tokenCheck(undefined);
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
  expect(tokenCheck(new Secret('right')).accepts(presented)).toBe(accepted),
);

test('a token is found in the header, the query and the subprotocols', () => {
  const presented = presentedTokens({
    authorization: 'Bearer one',
    query: 'two',
    protocols: `corral, ${carried('thrée')}`,
  });
  expect(presented).toEqual(['one', 'two', 'thrée']);
  expect(presentedTokens({ authorization: 'Basic x', query: ['a', 'b'], protocols: 'corral' })).toEqual([]);
});

test('the token is not among the subprotocols that may be selected', () => {
  expect(readSubprotocols(`binary,${carried('x')} , corral`)).toEqual({ offered: ['binary', 'corral'], token: 'x' });
  expect(readSubprotocols(undefined)).toEqual({ offered: [], token: undefined });
});

test('a token is masked wherever it stands in a query', () => {
  expect(maskToken('/a?token=s3cret&b=1')).toBe('/a?token=***&b=1');
  expect([maskToken('/a?b=1&TOKEN=s3cret#x'), maskToken('/token=kept')]).toEqual(['/a?b=1&TOKEN=***#x', '/token=kept']);
  expect(maskToken('/a?%74oken=s3cret&%74%6F%6B%65%6E=s3cret')).toBe('/a?%74oken=***&%74%6F%6B%65%6E=***');
  expect(maskToken('/a?%zz=kept&connectionParam%73=s3cret')).toBe('/a?%zz=kept&connectionParam%73=***');
});
