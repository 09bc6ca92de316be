import { createHash, type KeyObject, sign } from 'node:crypto';
import { bits, der, derTrue, integer, octets, oid, sequence, text, time } from './der.ts';

export interface CertificateRequest {
  /** Common names. */
  readonly subject: string;
  readonly issuer: string;
  readonly subjectKey: KeyObject;
  /** A P-256 key and its public half. */
  readonly issuerKey: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly serial: Uint8Array;
  readonly from: number; // epoch ms
  readonly until: number;
  /** The host names of a server's certificate; undefined: the certificate is one of an authority. */
  readonly names: readonly string[] | undefined;
}

const ecdsaSha256 = sequence(oid('2a8648ce3d040302'));
const signsCertificates = Buffer.from([0b0000_0110]); // and lists of revoked ones
const signs = Buffer.from([0b1000_0000]);
const serverAuth = oid('2b06010505070301');

/** A certificate of version 3 as PEM. Strict readers such as Python's want the extensions that name both keys. */
export function certificate(request: CertificateRequest): string {
  const { subject, issuer, subjectKey, issuerKey, serial, from, until, names } = request;
  const spki = subjectKey.export({ type: 'spki', format: 'der' });
  const extension = (id: string, value: Uint8Array, ...critical: Uint8Array[]) =>
    sequence(oid(id), ...critical, octets(value));
  const kinds = names
    ? [
        extension('551d13', sequence(), derTrue),
        extension('551d0f', bits(signs, 7), derTrue),
        extension('551d25', sequence(serverAuth)),
        extension('551d11', sequence(...names.map((name) => der(0x82, Buffer.from(name))))),
      ]
    : [extension('551d13', sequence(derTrue), derTrue), extension('551d0f', bits(signsCertificates, 1), derTrue)];
  const extensions = sequence(
    ...kinds,
    extension('551d0e', octets(keyId(subjectKey))),
    extension('551d23', sequence(der(0x80, keyId(issuerKey.publicKey)))),
  );
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    ...[integer(serial), ecdsaSha256, nameOf(issuer), sequence(time(from), time(until)), nameOf(subject), spki],
    der(0xa3, extensions),
  );
  const signature = sign('sha256', body, issuerKey.privateKey);
  const bytes = sequence(body, ecdsaSha256, bits(signature));
  const lines = bytes.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

const nameOf = (commonName: string) => sequence(der(0x31, sequence(oid('550403'), text(commonName))));
const keyId = (key: KeyObject) =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
