import { expect, test } from 'vitest';
import { createSignedUrls, parseSignatureSubject, type SignedUrlScope } from '../../../src/auth/signed-url.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const vnc: SignedUrlScope = { method: 'GET', path: '/api/v1/sessions/0123456789abcdef/vnc', purpose: 'vnc' };
const file: SignedUrlScope = { method: 'GET', path: '/api/v1/files/1/download', purpose: 'file' };
const signatureOf = (url: string) => new URL(url, 'http://x').searchParams.get('signature') ?? '';

function links() {
  const clock = manualClock(1_700_000_000_000);
  const urls = createSignedUrls(clock);
  const sign = (what: SignedUrlScope) => signatureOf(urls.sign(what, 60_000));
  return { clock, urls, sign };
}

test('a link leads to what was signed, with a signature of five parts', () => {
  const { urls } = links();
  expect(urls.sign(file, 60_000)).toMatch(
    /^\/api\/v1\/files\/1\/download\?signature=v1\.[0-9a-f]{8}\.1700000060000\.[\w-]{22}\.[\w-]{43}$/,
  );
});

test('F134 a link opens what it was signed for, until it expires', () => {
  const { clock, urls, sign } = links();
  const signature = sign(file);
  expect(urls.accepts(file, signature)).toBe('read');
  clock.advance(59_999);
  expect(urls.accepts(file, signature)).toBe('read');
  clock.advance(1);
  expect(urls.accepts(file, signature)).toBeUndefined();
});

test('F134 a link to a screen works once, one to a file again', () => {
  const { urls, sign } = links();
  const [screen, bytes] = [sign(vnc), sign(file)];
  expect([1, 2].map(() => urls.accepts(vnc, screen))).toEqual(['control', undefined]);
  expect([1, 2].map(() => urls.accepts(file, bytes))).toEqual(['read', 'read']);
});

test('F127 F134 a link to a screen gives the right it was made for, and no more', () => {
  const { urls } = links();
  expect(urls.accepts(vnc, signatureOf(urls.sign({ ...vnc, right: 'view' }, 60_000)))).toBe('view');
  expect(urls.accepts(vnc, signatureOf(urls.sign({ ...vnc, right: 'control' }, 60_000)))).toBe('control');
});

test('F134 a link that fails is not used up by that', () => {
  const { urls, sign } = links();
  const signature = sign(vnc);
  expect(urls.accepts({ ...vnc, path: vnc.path.replace('f/vnc', 'e/vnc') }, signature)).toBeUndefined();
  expect(urls.accepts(vnc, signature)).toBe('control');
});

const change = (signature: string, part: number, to: (text: string) => string) =>
  signature
    .split('.')
    .map((text, at) => (at === part ? to(text) : text))
    .join('.');
const flipped = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
const tamperings: [string, (signature: string) => string, Partial<SignedUrlScope>?][] = [
  ['another session', (it) => it, { path: '/api/v1/sessions/0123456789abcdee/vnc' }],
  ['another method', (it) => it, { method: 'DELETE' }],
  ['another purpose', (it) => it, { purpose: 'file' }],
  ['another path', (it) => it, { path: '/api/v1/sessions/0123456789abcdef/vnc/' }],
  ['another version', (it) => change(it, 0, () => 'v2')],
  ['another key', (it) => change(it, 1, (kid) => (kid.startsWith('0') ? '1' : '0') + kid.slice(1))],
  ['a later expiry', (it) => change(it, 2, (expires) => String(Number(expires) + 1))],
  ['a very late expiry', (it) => change(it, 2, () => '9999999999999999')],
  ['no expiry', (it) => change(it, 2, () => '')],
  ['an expiry with a sign', (it) => change(it, 2, (expires) => `+${expires}`)],
  ['another nonce', (it) => change(it, 3, flipped)],
  ['another mac', (it) => change(it, 4, flipped)],
  ['a mac cut short', (it) => it.slice(0, -1)],
  ['half of it', (it) => it.slice(0, it.length / 2)],
  ['a mac with more behind it', (it) => `${it}A`],
  ['a part too many', (it) => `${it}.x`],
  ['a part too few', (it) => it.split('.').slice(0, 4).join('.')],
  ['a line break behind it', (it) => `${it}\n`],
  ['nothing', () => ''],
  ['only dots', () => '....'],
  ['a mac of zeros', (it) => change(it, 4, () => 'A'.repeat(43))],
];
test.each(tamperings)('F134 %s is refused', (_name, tamper, other = {}) => {
  const { urls, sign } = links();
  expect(urls.accepts({ ...vnc, ...other }, tamper(sign(vnc)))).toBeUndefined();
});

test("another server's links are not taken", () => {
  const [ours, theirs] = [links(), links()];
  expect(ours.urls.accepts(file, theirs.sign(file))).toBeUndefined();
});

test('a link carries the key that made it, which nobody can take out, put in or change', () => {
  const urls = createSignedUrls(manualClock(1_000));
  const what = { method: 'GET', path: '/a', purpose: 'file' } as const;
  const signatureOf = (url: string) => url.split('signature=')[1] ?? '';
  const [key, other] = ['0123456789ab', 'ba9876543210'];
  const [keyed, plain] = [
    signatureOf(urls.sign({ ...what, subject: key }, 1_000)),
    signatureOf(urls.sign(what, 1_000)),
  ];
  expect([parseSignatureSubject(keyed), parseSignatureSubject(plain)]).toEqual([key, undefined]);
  expect([urls.accepts(what, keyed), urls.accepts(what, plain)]).toEqual(['read', 'read']);
  const parts = plain.split('.');
  const tampered = [keyed.replace(key, other), keyed.replace(`.${key}`, ''), parts.toSpliced(4, 0, key).join('.')];
  expect(tampered.map((signature) => urls.accepts(what, signature))).toEqual([undefined, undefined, undefined]);
});
