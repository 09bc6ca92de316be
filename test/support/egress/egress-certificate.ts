import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { encodeDer, encodeDerOid, encodeDerSequence } from '../../../src/sandboxes/egress/credentials/authority.ts';

// A self-signed certificate, made for each run: the repository contains no key, and the tests need no tool.

const time = (text: string) => encodeDer(0x17, Buffer.from(text));
const pem = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

export function selfSigned(...names: string[]): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaSha256 = encodeDerSequence(encodeDerOid('2a8648ce3d040302'));
  // A unique subject: of two authorities with one subject and no key identifiers, OpenSSL tries only one.
  const name = encodeDerSequence(
    encodeDer(
      0x31,
      encodeDerSequence(encodeDerOid('550403'), encodeDer(0x0c, Buffer.from(`corral test ${randomUUID()}`))),
    ),
  );
  const alternatives = encodeDerSequence(...names.map((host) => encodeDer(0x82, Buffer.from(host))));
  const extensions = encodeDer(
    0xa3,
    encodeDerSequence(
      encodeDerSequence(encodeDerOid('551d11'), encodeDer(0x04, alternatives)),
      encodeDerSequence(
        encodeDerOid('551d13'),
        encodeDer(0x04, encodeDerSequence(encodeDer(0x01, Buffer.from([0xff])))),
      ), // its own authority
    ),
  );
  const body = encodeDerSequence(
    encodeDer(0xa0, encodeDer(0x02, Buffer.from([2]))),
    encodeDer(0x02, Buffer.from([1])),
    ecdsaSha256,
    name,
    encodeDerSequence(time('200101000000Z'), time('491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions,
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = encodeDerSequence(body, ecdsaSha256, encodeDer(0x03, Buffer.from([0]), signature));
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: pem('CERTIFICATE', certificate) };
}
