import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Secret } from '../../../core/text/secret.ts';
import { createCertificate } from './certificate.ts';

/** Issues certificates for hosts whose TLS the proxy terminates. Only this installation and its sandboxes trust the authority. */
export interface CertificateAuthority {
  /** The certificates that sandboxes trust, as PEM: one for each key, so that a key rotation does not break running sandboxes. */
  readonly pem: string;
  contextFor(host: string): SecureContext;
}

const name = 'Corral egress authority';
const day = 24 * 60 * 60_000;
const leafMs = 30 * day;
const maxHosts = 1_000;
// Fixed, so that all servers of an installation derive the same authority from one key.
const authorityFrom = Date.UTC(2025, 0, 1);
const authorityUntil = Date.UTC(2060, 0, 1);

/** The first key issues certificates; sandboxes trust all. */
export function createCertificateAuthority(keys: readonly Secret[], now: () => number): CertificateAuthority {
  const all = keys.map(keyPairFrom);
  const [issuerKey] = all;
  if (!issuerKey) throw new Error('an authority needs a key');
  const issuers = all.map((pair, at) => ({ pair, issuer: nameOf(keys[at] as Secret) }));
  const [first] = issuers;
  const issuer = first?.issuer ?? name;
  const known = new Map<string, { readonly context: SecureContext; readonly until: number }>();
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' }); // one per process; hosts can share it
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

/** Different keys have different names, because programs look up an authority by its name. */
const nameOf = (key: Secret) => `${name} ${derived(key, 'egress authority name', 4).toString('hex')}`;

function keyPairFrom(key: Secret): { privateKey: KeyObject; publicKey: KeyObject } {
  const scalar = derived(key, 'egress authority', 32);
  scalar[0] = (scalar[0] as number) & 0x7f; // below the order of the curve
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const part = (from: number) => point.subarray(from, from + 32).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', d: scalar.toString('base64url'), x: part(1), y: part(33) };
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
