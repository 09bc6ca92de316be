import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Secret } from '../../../core/text/secret.ts';

/** Only this installation and its sandboxes trust this authority. */
export interface CertificateAuthority {
  /** PEM. One certificate per key, so that a key rotation does not break running sandboxes. */
  readonly pem: string;
  contextFor(host: string): SecureContext;
}

const name = 'Corral egress authority';
const day = 24 * 60 * 60_000;
const leafMs = 30 * day;
const maxHosts = 1_000;
// Fixed, so that all servers derive the same authority from one key.
const authorityFrom = Date.UTC(2025, 0, 1);
const authorityUntil = Date.UTC(2060, 0, 1);

/** The first key issues certificates. Sandboxes trust all keys. */
export function createCertificateAuthority(keys: readonly Secret[], now: () => number): CertificateAuthority {
  const all = keys.map(keyPairFrom);
  const [issuerKey] = all;
  if (!issuerKey) throw new Error('an authority needs a key');
  const issuers = all.map((pair, at) => ({ pair, issuer: nameOf(keys[at] as Secret) }));
  const [first] = issuers;
  const issuer = first?.issuer ?? name;
  const known = new Map<string, { readonly context: SecureContext; readonly until: number }>();
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' }); // one per process, for the certificates of all hosts
  const leafPem = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    pem: issuers
      .map(({ pair, issuer: own }) =>
        createCertificate({
          subject: own,
          issuer: own,
          subjectKey: pair.publicKey,
          issuerKey: pair,
          serial: Buffer.from([1]),
          from: authorityFrom,
          until: authorityUntil,
          names: undefined,
        }),
      )
      .join(''),
    contextFor(host) {
      const at = now();
      const found = known.get(host);
      if (found && at < found.until - day) return found.context;
      if (known.size >= maxHosts) known.clear();
      const until = at + leafMs;
      const serial = createHash('sha256').update(`${host} ${at}`).digest().subarray(0, 16);
      const cert = createCertificate({
        subject: host.slice(0, 64),
        issuer,
        subjectKey: leaf.publicKey,
        issuerKey,
        serial,
        from: at - day,
        until,
        names: [host],
      });
      const context = createSecureContext({ key: leafPem, cert, minVersion: 'TLSv1.2' });
      known.set(host, { context, until });
      return context;
    },
  };
}

const derived = (key: Secret, what: string, length: number) =>
  Buffer.from(hkdfSync('sha256', key.reveal(), '', `corral ${what}`, length));

/** A different authority name for each key, because programs look up authorities by name. */
const nameOf = (key: Secret) => `${name} ${derived(key, 'egress authority name', 4).toString('hex')}`;

function keyPairFrom(key: Secret): { privateKey: KeyObject; publicKey: KeyObject } {
  const scalar = derived(key, 'egress authority', 32);
  scalar[0] = (scalar[0] as number) & 0x7f; // makes the scalar smaller than the order of the curve
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const part = (from: number) => point.subarray(from, from + 32).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', d: scalar.toString('base64url'), x: part(1), y: part(33) };
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

// Node cannot encode certificates. The available libraries add many packages or their own cryptography.

export const encodeDer = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body]);
};
function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

export const encodeDerSequence = (...parts: readonly Uint8Array[]): Buffer => encodeDer(0x30, ...parts);
export const encodeDerOid = (hex: string): Buffer => encodeDer(0x06, Buffer.from(hex, 'hex'));
const octets = (...parts: readonly Uint8Array[]): Buffer => encodeDer(0x04, ...parts);
const derTrue = encodeDer(0x01, Buffer.from([0xff]));
const text = (value: string): Buffer => encodeDer(0x0c, Buffer.from(value));
const bits = (bytes: Uint8Array, unused = 0): Buffer => encodeDer(0x03, Buffer.from([unused]), bytes);
/** A non-negative integer in its shortest form: OpenSSL refuses redundant zero bytes. */
function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  return (digits[0] as number) >= 0x80 ? encodeDer(0x02, Buffer.from([0]), digits) : encodeDer(0x02, digits);
}
/** X.509 requires GeneralizedTime, the longer form, for dates from 2050 on. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
  return digits < '2050'
    ? encodeDer(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : encodeDer(0x18, Buffer.from(`${digits}Z`));
}

interface CertificateFields {
  readonly subject: string;
  readonly issuer: string;
  readonly subjectKey: KeyObject;
  readonly issuerKey: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly serial: Uint8Array;
  readonly from: number; // epoch ms
  readonly until: number;
  readonly names: readonly string[] | undefined;
}

const ecdsaSha256 = encodeDerSequence(encodeDerOid('2a8648ce3d040302'));
const signsCertificates = Buffer.from([0b0000_0110]); // keyCertSign and cRLSign
const signs = Buffer.from([0b1000_0000]);
const serverAuth = encodeDerOid('2b06010505070301');

/** Returns PEM. Strict validators, such as Python's, require both key identifiers. */
export function createCertificate(request: CertificateFields): string {
  const { subject, issuer, subjectKey, issuerKey, serial, from, until, names } = request;
  const spki = subjectKey.export({ type: 'spki', format: 'der' });
  const extension = (id: string, value: Uint8Array, ...critical: Uint8Array[]) =>
    encodeDerSequence(encodeDerOid(id), ...critical, octets(value));
  const kinds = names
    ? [
        extension('551d13', encodeDerSequence(), derTrue),
        extension('551d0f', bits(signs, 7), derTrue),
        extension('551d25', encodeDerSequence(serverAuth)),
        extension('551d11', encodeDerSequence(...names.map((name) => encodeDer(0x82, Buffer.from(name))))),
      ]
    : [
        extension('551d13', encodeDerSequence(derTrue), derTrue),
        extension('551d0f', bits(signsCertificates, 1), derTrue),
      ];
  const extensions = encodeDerSequence(
    ...kinds,
    extension('551d0e', octets(keyId(subjectKey))),
    extension('551d23', encodeDerSequence(encodeDer(0x80, keyId(issuerKey.publicKey)))),
  );
  const body = encodeDerSequence(
    encodeDer(0xa0, integer(Buffer.from([2]))),
    ...[
      integer(serial),
      ecdsaSha256,
      encodeName(issuer),
      encodeDerSequence(time(from), time(until)),
      encodeName(subject),
      spki,
    ],
    encodeDer(0xa3, extensions),
  );
  const signature = sign('sha256', body, issuerKey.privateKey);
  const bytes = encodeDerSequence(body, ecdsaSha256, bits(signature));
  const lines = bytes.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

const encodeName = (commonName: string) =>
  encodeDerSequence(encodeDer(0x31, encodeDerSequence(encodeDerOid('550403'), text(commonName))));
const keyId = (key: KeyObject) =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
