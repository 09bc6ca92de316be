import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSecretSealer } from '../../../src/auth/vault.ts';
import type { SealedValue } from '../../../src/core/contracts/vault.ts';
import { Secret } from '../../../src/core/text/secret.ts';

const first = new Secret('11'.repeat(32));
const second = new Secret('22'.repeat(32));
const place = { collection: 'provider-key', id: 'gemini', field: 'key' };
const one = createSecretSealer([first]);
const boxes = ['key', 'keyNonce', 'text', 'textNonce'] as const;

test('a sealed text opens again, whatever its content', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => one.open(one.seal(text, place), place) === text));
});

test('a sealed secret contains neither its text nor the key', () => {
  expect(inspect(one.seal('sk-canary-0123456789', place))).not.toMatch(/canary|1111/);
});

test('the vault never repeats a nonce or a ciphertext', () => {
  const all = Array.from({ length: 2_000 }, () => one.seal('same', place));
  for (const box of boxes) expect(new Set(all.map((sealed) => sealed[box])).size, box).toBe(all.length);
  expect(Buffer.from(all[0]?.textNonce ?? '', 'base64url')).toHaveLength(12);
});

test('a flipped bit anywhere is noticed', () => {
  const sealed = one.seal('secret', place);
  for (const box of boxes) {
    const bytes = Buffer.from(sealed[box], 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => one.open({ ...sealed, [box]: changed.toString('base64url') }, place)).toThrow(/store_corrupt/);
    }
  }
});

test('a truncated text is noticed', () => {
  const sealed = one.seal('secret', place);
  for (const box of boxes) {
    for (let length = 0; length < sealed[box].length; length++) {
      const cut = { ...sealed, [box]: sealed[box].slice(0, length) };
      expect(() => one.open(cut, place), `${box} ${length}`).toThrow(/store_corrupt/);
    }
  }
});

test.each([
  { ...place, collection: 'other' },
  { ...place, id: 'openai' },
  { ...place, field: 'name' },
])('a sealed text does not open at another place: %o', (other) => {
  expect(() => one.open(one.seal('secret', place), other)).toThrow(/store_corrupt/);
});

test('the halves of two sealed texts do not fit each other', () => {
  const [a, b] = [one.seal('a', place), one.seal('b', place)] as [SealedValue, SealedValue];
  expect(() => one.open({ ...a, text: b.text, textNonce: b.textNonce }, place)).toThrow(/store_corrupt/);
});

test('a vault with another key neither knows nor opens a secret, even under its own key id', () => {
  const sealed = one.seal('secret', place);
  const wrong = createSecretSealer([second]);
  expect(wrong.knows(sealed)).toBe(false);
  expect(() => wrong.open(sealed, place)).toThrow(/not configured/);
  const kid = wrong.seal('x', place).kid;
  expect(() => wrong.open({ ...sealed, kid }, place)).toThrow(/store_corrupt/);
});

test('the first key seals, the older ones still open', () => {
  const old = one.seal('secret', place);
  const both = createSecretSealer([second, first]);
  expect(both.open(old, place)).toBe('secret');
  expect(createSecretSealer([second]).open(both.seal('new', place), place)).toBe('new');
});

test('a rotation wraps the same data key again, and leaves the text as it is', () => {
  const old = one.seal('secret', place);
  const both = createSecretSealer([second, first]);
  const fresh = both.rewrap(old, place) as SealedValue;
  expect(fresh.text).toBe(old.text);
  expect(fresh.key).not.toBe(old.key);
  expect([createSecretSealer([second]).open(fresh, place), both.rewrap(fresh, place)]).toEqual(['secret', undefined]);
});

test.each(['', 'short', 'zz'.repeat(32), 'a'.repeat(42)])('%j is refused as a key, with how to make one', (text) =>
  expect(() => createSecretSealer([new Secret(text)])).toThrow(/openssl rand -hex 32/),
);

test('a key may be hex or base64', () => {
  const bytes = Buffer.alloc(32, 7);
  const [hex, base64, url] = (['hex', 'base64', 'base64url'] as const).map((form) => new Secret(bytes.toString(form)));
  const sealed = createSecretSealer([hex as Secret]).seal('x', place);
  expect(createSecretSealer([base64 as Secret]).open(sealed, place)).toBe('x');
  expect(createSecretSealer([url as Secret]).open(sealed, place)).toBe('x');
});
