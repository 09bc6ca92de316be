import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';

/**
 * A sandbox's two tokens. They are derived from a key and never stored, so any replica with the key can compute them
 * without the right to read secrets. The pod knows only the hash of the daemon's token, so read access to pods does not
 * grant a shell. The pod itself presents the egress token, which gives access only to the proxy.
 */
export interface SandboxKeys {
  /** The id of the key for new pods. */
  readonly current: string;
  /** Undefined: this server no longer has the key that the pod was created with. */
  daemonToken(id: SandboxId, key: string | undefined): Secret | undefined;
  egressToken(id: SandboxId): Secret;
  provesEgress(id: string, token: string): boolean;
  /** The egress token of a sandbox that was started for the pool; a claim does not change it. */
  warmEgressToken(id: SandboxId): Secret;
  provesWarmEgress(id: string, token: string): boolean;
}

export function sandboxKeys(instance: string, keys: readonly Secret[]): SandboxKeys {
  const [first] = keys;
  if (!first) throw new Error('no key to derive the tokens of sandboxes from');
  const derive = (key: Secret, purpose: string, id: string) =>
    createHmac('sha256', key.reveal()).update(`corral ${purpose} ${instance} ${id}`).digest('base64url');
  const nameOf = (key: Secret) => derive(key, 'name', '').slice(0, 12);
  return {
    current: nameOf(first),
    daemonToken(id, name) {
      const key = keys.find((it) => nameOf(it) === name);
      return key && new Secret(derive(key, 'daemon', id));
    },
    egressToken: (id) => new Secret(derive(first, 'egress', id)),
    warmEgressToken: (id) => new Secret(derive(first, 'warm egress', id)),
    provesWarmEgress: (id, token) => keys.some((key) => sameText(derive(key, 'warm egress', id), token)),
    provesEgress: (id, token) => keys.some((key) => sameText(derive(key, 'egress', id), token)),
  };
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
