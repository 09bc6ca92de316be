import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { Secret } from '../../../../src/core/text/secret.ts';
import {
  createCertificate,
  createCertificateAuthority,
} from '../../../../src/sandboxes/egress/credentials/authority.ts';
import { folderOfTest } from '../../../support/stores/folder-of-test.ts';

const keys = (...texts: string[]) => texts.map((text) => new Secret(text));
const spki = (pem: string) =>
  new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }).toString('hex');

test('the same key makes the same authority, on every server and at any time', () => {
  const [one, two] = [
    createCertificateAuthority(keys('a'), () => 1),
    createCertificateAuthority(keys('a'), () => 9e12),
  ].map(({ pem }) => pem);
  expect(spki(one as string)).toBe(spki(two as string));
  expect(spki(createCertificateAuthority(keys('b'), () => 1).pem)).not.toBe(spki(one as string));
});

test('sandboxes trust the authorities of all keys, each under its own name', () => {
  const found =
    createCertificateAuthority(keys('a', 'b'), Date.now).pem.match(/-----BEGIN[\s\S]*?END CERTIFICATE-----/g) ?? [];
  expect(new Set(found.map((pem) => new X509Certificate(pem).subject)).size).toBe(2);
  expect(found.every((pem) => new X509Certificate(pem).ca)).toBe(true);
});

test('a certificate is renewed before it ends', () => {
  let now = Date.now();
  const authority = createCertificateAuthority(keys('a'), () => now);
  const first = authority.contextFor('a.example');
  expect(authority.contextFor('a.example')).toBe(first);
  now += 29.5 * 24 * 60 * 60_000;
  expect(authority.contextFor('a.example')).not.toBe(first);
});

test.each(['00', '0001', '007f01', '0080', '0000ff01', 'ff01'])(
  'a certificate can have the serial number %s',
  (serial) => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = createCertificate({
      subject: 'a.example',
      issuer: 'The root',
      subjectKey: key.publicKey,
      issuerKey: key,
      names: ['a.example'],
      from: Date.now(),
      until: Date.UTC(2055, 0, 1),
      serial: Buffer.from(serial, 'hex'),
    });
    createSecureContext({ key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }), cert: pem });
    expect(BigInt(`0x${new X509Certificate(pem).serialNumber}`)).toBe(BigInt(`0x${serial}`));
  },
);

test('OpenSSL accepts the chain under its strict rules', () => {
  const folder = folderOfTest();
  const [root, leaf] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  if (!root || !leaf) throw new Error('no keys');
  const common = { issuer: 'The root', issuerKey: root, from: Date.now() - 1_000, until: Date.UTC(2055, 0, 1) };
  const serial = Buffer.from([0xff, 1]);
  writeFileSync(
    join(folder, 'root.pem'),
    createCertificate({ ...common, subject: 'The root', subjectKey: root.publicKey, serial, names: undefined }),
  );
  writeFileSync(
    join(folder, 'leaf.pem'),
    createCertificate({ ...common, subject: 'a.example', subjectKey: leaf.publicKey, serial, names: ['a.example'] }),
  );
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'a.example'];
  const reply = execFileSync('openssl', [...args, '-CAfile', join(folder, 'root.pem'), join(folder, 'leaf.pem')]);
  expect(String(reply)).toContain(': OK');
});
