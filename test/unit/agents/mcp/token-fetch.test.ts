import { expect, test } from 'vitest';
import { createTokenFetch } from '../../../../src/agents/mcp/token-fetch.ts';
import { Secret } from '../../../../src/core/text/secret.ts';

const address = 'https://mcp.example/mcp';
function world(right: string, tokens: readonly (string | undefined)[]) {
  const shown: (string | null)[] = [];
  const refused: (string | undefined)[] = [];
  const fetch = async (_: string | URL, init?: RequestInit) => {
    const authorization = new Headers(init?.headers).get('authorization');
    shown.push(authorization);
    return new Response('', { status: authorization === `Bearer ${right}` ? 200 : 401 });
  };
  const left = [...tokens];
  const call = createTokenFetch(fetch, address, async (last) => {
    refused.push(last?.reveal());
    const next = left.shift();
    return next === undefined ? undefined : new Secret(next);
  });
  return { call, shown, refused };
}

test('each request has the token of its time', async () => {
  const { call, shown } = world('a', ['a', 'a']);
  expect([(await call(address, { method: 'POST' })).status, (await call(`${address}?x=1`)).status]).toEqual([200, 200]);
  expect(shown).toEqual(['Bearer a', 'Bearer a']);
});

test('a refused token is replaced once', async () => {
  const { call, shown, refused } = world('b', ['a', 'b']);
  expect((await call(address)).status).toBe(200);
  expect([shown, refused]).toEqual([
    ['Bearer a', 'Bearer b'],
    [undefined, 'a'],
  ]);
});

test.each([
  ['there is no other one', ['a', 'a'], /rejected the vault's credential/],
  ['the other one is refused too', ['a', 'c'], /rejected the vault's credential/],
  ['there is none', [undefined], /no vault of the session has one/],
])('a call fails in words for a model when %s', (_, tokens, words) =>
  expect(world('b', tokens).call(address)).rejects.toMatchObject({
    code: 'unauthorized',
    publicMessage: expect.stringMatching(words),
  }),
);

test.each(['https://mcp.example/other', 'https://mcp.example:444/mcp', 'http://mcp.example/mcp'])(
  '%s, another address, gets no token',
  async (other) => {
    const { call, shown } = world('a', ['a']);
    await call(other);
    expect(shown).toEqual([null]);
  },
);
