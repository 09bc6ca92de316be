import { z } from 'zod';
import { ResourceOwnership } from '../../../core/model/access/holder.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A secret that API clients bind to sessions or projects. Never contains the value. */
export const NamedSecret = z.object({
  ...ResourceOwnership.shape,
  id: z.string(), // sec_ and 24 hex digits
  /** Lowercase; unique per owner, and per project. */
  name: z.string(),
  /** 1 at creation, incremented by each new value. */
  version: z.int(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
});
export type NamedSecret = z.infer<typeof NamedSecret>;
export interface NewSecret extends ResourceOwnership {
  readonly name: string;
  readonly value: Secret;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Values leave the server only in headers of requests to bound hosts. Methods with an id reject with not_found. */
export interface SecretService {
  /** Newest first. With `owner`, lists only secrets of that owner and of `projects`. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly NamedSecret[]>;
  get(id: string): Promise<NamedSecret>;
  /** The owner's secrets override those of `projects`. Rejects: not_found, conflict (several projects use the name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<NamedSecret>;
  /** Rejects: conflict (the name is taken), invalid_request (not 8 to 8,192 printable ASCII characters), quota. */
  create(secret: NewSecret): Promise<NamedSecret>;
  /** Applies immediately. Without `metadata`, keeps the stored metadata. Rejects: invalid_request (as for `create`). */
  replace(id: string, value: Secret, metadata?: Readonly<Record<string, string>>): Promise<NamedSecret>;
  /** From then on, requests that need the secret are refused. */
  delete(id: string): Promise<void>;
}

export const secretRules: ServiceRules<SecretService> = {
  list: { may: 'list', audit: null },
  get: { may: 'read', audit: null },
  find: { may: 'find', audit: null },
  create: { may: 'create', audit: 'secret.create' },
  replace: { may: 'work', audit: 'secret.replace' },
  delete: { may: 'manage', audit: 'secret.remove' },
};
