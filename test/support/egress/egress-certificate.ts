import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { der, oid, sequence } from '../../../src/sandboxes/egress/credentials/certificate.ts';

// A self-signed certificate, made for each run: the repository contains no key, and the tests need no tool.

const time = (text: string) => der(0x17, Buffer.from(text));
const pem = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

export function selfSigned(...names: string[]): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaSha256 = sequence(oid('2a8648ce3d040302'));
  // A unique subject: of two authorities with one subject and no key identifiers, OpenSSL tries only one.
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(`corral test ${randomUUID()}`)))));
  const alternatives = sequence(...names.map((host) => der(0x82, Buffer.from(host))));
  const extensions = der(
    0xa3,
    sequence(
      sequence(oid('551d11'), der(0x04, alternatives)),
      sequence(oid('551d13'), der(0x04, sequence(der(0x01, Buffer.from([0xff]))))), // its own authority
    ),
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaSha256,
    name,
    sequence(time('200101000000Z'), time('491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions,
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = sequence(body, ecdsaSha256, der(0x03, Buffer.from([0]), signature));
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: pem('CERTIFICATE', certificate) };
}
