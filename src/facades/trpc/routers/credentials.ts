import { z } from 'zod';
import { CredentialName, credentialFields, withDefaults } from '../../../core/model/credential.ts';
import { Secret } from '../../../core/text/secret.ts';
import type { BoundCredential } from '../../../sessions/api/credentials.ts';
import { procedure, router } from '../base.ts';
import { Done, done, iso, ofSession, ProjectIdInput } from '../schemas.ts';

const Credential = z.object({
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
const shown = ({ scheme, user, git, paths, createdAt, ...rest }: BoundCredential): z.infer<typeof Credential> => ({
  ...rest,
  scheme: scheme ?? null,
  user: user ?? null,
  git: git ?? null,
  paths: paths ?? null,
  createdAt: iso(createdAt),
});

const name = CredentialName;
const bound = { ...credentialFields, name, value: z.string().max(8_192) };
const ofProject = z.strictObject({ projectId: ProjectIdInput });

/** The credentials of one session. Nothing answers with a value. */
export const sessionCredentialsRouter = router({
  list: procedure
    .input(ofSession)
    .output(z.array(Credential))
    .query(async ({ ctx, input }) => (await ctx.services.sessionCredentials.list(input.sessionId)).map(shown)),

  /** Replaces the one of that name. */
  put: procedure
    .input(ofSession.extend(bound))
    .output(Credential)
    .mutation(async ({ ctx, input: { sessionId, value, ...rest } }) =>
      shown(await ctx.services.sessionCredentials.put(sessionId, withDefaults(rest), new Secret(value))),
    ),

  revoke: procedure
    .input(ofSession.extend({ name }))
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.sessionCredentials.revoke(input.sessionId, input.name);
      return done;
    }),
});

/** The credentials of all sessions of a project. */
export const projectCredentialsRouter = router({
  list: procedure
    .input(ofProject)
    .output(z.array(Credential))
    .query(async ({ ctx, input }) => (await ctx.services.projectCredentials.list(input.projectId)).map(shown)),

  /** Replaces the one of that name. */
  put: procedure
    .input(ofProject.extend(bound))
    .output(Credential)
    .mutation(async ({ ctx, input: { projectId, value, ...rest } }) =>
      shown(await ctx.services.projectCredentials.put(projectId, withDefaults(rest), new Secret(value))),
    ),

  revoke: procedure
    .input(ofProject.extend({ name }))
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.projectCredentials.revoke(input.projectId, input.name);
      return done;
    }),
});
