import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { SandboxId } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';

/**
 * A sandbox's two tokens, derived and never stored: any replica with the key can make them, and no right to read the
 * cluster's secrets is needed. Of the one for the daemon the pod knows only the hash, so that reading pods gives
 * nobody a shell; the other one is what the pod proves itself with, and opens nothing but the proxy.
 */
export interface SandboxKeys {
  /** Names the key that new pods are made with. */
  readonly current: string;
  /** Undefined: the pod was made with a key that is not known here any more. */
  daemonToken(id: SandboxId, key: string | undefined): Secret | undefined;
  egressToken(id: SandboxId): Secret;
  provesEgress(id: string, token: string): boolean;
  /** The same of one that was started for the pool, whoever has it now. */
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
