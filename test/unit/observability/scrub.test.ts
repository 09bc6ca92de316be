import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { createScrubber } from '../../../src/observability/scrub.ts';

const value = 'p"w/ä+ü é-corréct';
const { scrub } = createScrubber([new Secret(value), undefined]);
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the scrubber', () => {
  test.each([
    ['raw', value],
    ['in JSON', JSON.stringify({ note: value })],
    ['in a path or query', `/x?y=${encodeURIComponent(value)}`],
    ['in a form', new URLSearchParams({ y: value }).toString()],
    ['in base64', base64(value)],
    ['in base64 after one byte', base64(`:${value}`)],
    ['in base64 after two bytes', base64(`u:${value}`)],
    ['in the base64 of addresses', Buffer.from(`ab${value}cd`).toString('base64url')],
  ])('masks a learned secret %s', (_, text) => {
    expect(scrub(text)).toContain('[secret]');
    expect(scrub(text)).not.toContain('corr');
    expect(scrub(text)).not.toContain(base64(value).slice(6, 14));
  });

  test('masks it wherever base64 puts it', () => {
    const input = { unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'), minLength: 16, maxLength: 40 };
    const ascii = fc.string(input);
    fc.assert(
      fc.property(ascii, fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 }), (secret, before, after) => {
        const scrubber = createScrubber([new Secret(secret)]);
        expect(scrubber.scrub(base64(before + secret + after))).toContain('[secret]');
        expect(scrubber.scrub(before + secret + after)).not.toContain(secret);
      }),
      { seed: 7 },
    );
  });

  test('a secret that was learned later is masked from then on', () => {
    const scrubber = createScrubber();
    expect(scrubber.scrub('sandbox-token-1')).toBe('sandbox-token-1');
    scrubber.learn(new Secret('sandbox-token-1'));
    expect(scrubber.scrub('x sandbox-token-1 y')).toBe('x [secret] y');
  });

  test('the scrubber removes a longer secret fully, even if it begins with a shorter one', () => {
    const both = createScrubber([new Secret('abcdef'), new Secret('abcdef-ghijkl')]);
    expect(both.scrub('<abcdef-ghijkl>')).toBe('<[secret]>');
  });

  test.each([
    ['GET /ws/1?token=abc&x=1', 'GET /ws/1?token=[secret]&x=1'],
    ['"url":"/ws/1?a=1&token=abc"', '"url":"/ws/1?a=1&token=[secret]"'],
    ['Authorization: Bearer abcdefgh', 'Authorization: Bearer [secret]'],
    ['corral, corral.bearer.YWJjZGVm', 'corral, corral.bearer.[secret]'],
    ['{"headers":{"authorization":"x\\"y","host":"h"}}', '{"headers":{"authorization":"[secret]","host":"h"}}'],
    ['{"apiKey":"k","set-cookie":"c"}', '{"apiKey":"[secret]","set-cookie":"[secret]"}'],
    ['{"daemonToken":"k","client_secret":"c"}', '{"daemonToken":"[secret]","client_secret":"[secret]"}'],
  ])('masks what names itself a credential: %s', (text, expected) => expect(scrub(text)).toBe(expected));

  test.each([
    ...['{"inputTokens":12,"outputTokens":3}', '{"type":"token.count"}', 'the word "token": it stays', '/x?tokens=1'],
  ])('leaves %s alone', (text) => expect(scrub(text)).toBe(text));

  test('a very short secret does not blot out ordinary words', () =>
    expect(createScrubber([new Secret('a')]).scrub('a cat')).toBe('a cat'));
});
