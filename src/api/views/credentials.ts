import { z } from 'zod';
import type { BoundCredential } from '../../sessions/api/credentials.ts';
import type { ServerCredential as ServerCredentialDoc } from '../../sessions/api/server/credentials.ts';

// Credentials as clients see them. Nothing answers with a value.

export const Credential = z.object({
  name: z.string(),
  hosts: z.array(z.string()).readonly(),
  header: z.string(),
  /** Null: the header has the value as it is. */
  scheme: z.enum(['bearer', 'basic']).nullable(),
  user: z.string().nullable(),
  env: z.array(z.string()).readonly(),
  /** Null: not only for git. */
  git: z.enum(['read', 'write']).nullable(),
  /** Null: all of its hosts, and with `git` the repositories of each session. */
  paths: z.array(z.string()).readonly().nullable(),
  createdAt: z.iso.datetime(),
});
export const shownCredential = ({
  scheme,
  user,
  git,
  paths,
  createdAt,
  ...rest
}: BoundCredential): z.infer<typeof Credential> => ({
  ...rest,
  scheme: scheme ?? null,
  user: user ?? null,
  git: git ?? null,
  paths: paths ?? null,
  createdAt: new Date(createdAt).toISOString(),
});

/** A credential of the whole server. */
export const ServerCredential = Credential.extend({
  /** The variable or the key of corral.yaml that sets it; null: it is stored, and can be changed. */
  setBy: z.string().nullable(),
  /** Null: the settings have it. */
  createdAt: z.iso.datetime().nullable(),
});
export const shownServerCredential = ({
  setBy,
  createdAt,
  ...rest
}: ServerCredentialDoc): z.infer<typeof ServerCredential> => ({
  ...shownCredential({ ...rest, createdAt: createdAt ?? 0 }),
  setBy,
  createdAt: createdAt === null ? null : new Date(createdAt).toISOString(),
});
