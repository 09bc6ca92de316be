import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';

/** PKCS #8 prefix of a 32-byte Ed25519 key. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Tokens are derived, never stored. Pods have only the hash of the daemon's token, so reading pods grants no shell. */
export function createSandboxTokenDeriver(instance: string, keys: readonly Secret[]) {
  const [first] = keys;
  if (!first) throw new Error('no key to derive the tokens of sandboxes from');
  const derive = (key: Secret, purpose: string, id: string) =>
    createHmac('sha256', key.reveal()).update(`corral ${purpose} ${instance} ${id}`).digest('base64url');
  const pairOf = (key: Secret) => {
    const seed = Buffer.from(derive(key, 'daemon signature', ''), 'base64url');
    return createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  };
  const nameOf = (key: Secret) => derive(key, 'name', '').slice(0, 12);
  const keyOf = (name: string | undefined) => keys.find((it) => nameOf(it) === name);
  return {
    current: nameOf(first),
    daemonToken(id: SandboxId, keyName: string | undefined): Secret | undefined {
      const key = keyOf(keyName);
      return key && new Secret(derive(key, 'daemon', id));
    },
    egressToken: (id: SandboxId) => new Secret(derive(first, 'egress', id)),
    provesEgress: (id: string, token: string) =>
      keys.some((key) => new Secret(derive(key, 'egress', id)).equals(new Secret(token))),
    /** Token for pods of a shared template, which holds only the public key. Undefined if the key is unknown. */
    signedToken(uid: string, keyName: string | undefined): Secret | undefined {
      const key = keyOf(keyName);
      return key && new Secret(sign(null, Buffer.from(`corral daemon ${uid}`), pairOf(key)).toString('base64url'));
    },
    publicKey: `ed25519:${createPublicKey(pairOf(first)).export({ format: 'jwk' }).x}`,
  };
}
export type SandboxTokenDeriver = ReturnType<typeof createSandboxTokenDeriver>;
