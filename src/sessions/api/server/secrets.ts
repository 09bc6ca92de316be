import { z } from 'zod';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A secret that programs keep once and name in the headers of requests. Its value is never part of it. */
export const NamedSecret = z.object({
  id: z.string(), // sec_ and 24 hex digits
  owner: z.string().optional(),
  /** In lower case; one owner has it once. */
  name: z.string(),
  /** 1, and one more with each new value. */
  version: z.int(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
});
export type NamedSecret = z.infer<typeof NamedSecret>;
export interface NewSecret {
  readonly name: string;
  readonly value: Secret;
  readonly metadata: Readonly<Record<string, string>>;
  readonly owner?: string | undefined;
}

/**
 * Secrets of programs. A value goes in, and leaves the server only in the header of a request to a host that a session
 * bound it to, by the egress proxy. Every method that takes an id rejects with not_found for an unknown one.
 *
 * @example
 * const { id } = await secrets.create({ name: 'model-key', value: new Secret('…'), metadata: {} });
 */
export interface SecretService {
  /** The newest first; only that owner's if `owner` is set. */
  list(owner?: string): Promise<readonly NamedSecret[]>;
  get(id: string): Promise<NamedSecret>;
  /** By its id, or by its name among the secrets of this owner. Rejects: not_found. */
  find(idOrName: string, owner?: string): Promise<NamedSecret>;
  /** Rejects: conflict (the name is taken), invalid_request (a value that no header can carry), quota. */
  create(secret: NewSecret): Promise<NamedSecret>;
  /** Requests have the new value at once. Without metadata, those of before stay. */
  replace(id: string, value: Secret, metadata?: Readonly<Record<string, string>>): Promise<NamedSecret>;
  /** Requests that need it are refused from then on. */
  delete(id: string): Promise<void>;
}

export const secretRules: ServiceRules<SecretService> = {
  list: { may: 'list', audit: null },
  get: { may: 'read', audit: null },
  find: { may: 'find', audit: null },
  create: { may: 'create', audit: 'secret.create' },
  replace: { may: 'work', audit: 'secret.replace' },
  delete: { may: 'work', audit: 'secret.remove' },
};
