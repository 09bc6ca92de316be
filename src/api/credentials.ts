import { z } from 'zod';
import { CredentialName, credentialFields, withDefaults } from '../core/model/credential.ts';
import { Secret } from '../core/text/secret.ts';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done, ofSession, ProjectIdInput } from './procedure/schemas.ts';
import { Credential, ServerCredential, shownCredential as shown, shownServerCredential } from './views/credentials.ts';

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

/** The credentials of all sessions of the server, for administrators. Those of the settings are listed, and stay. */
export const serverCredentialsRouter = router({
  list: procedure
    .input(z.strictObject({}).optional())
    .output(z.array(ServerCredential))
    .query(async ({ ctx }) => (await ctx.services.serverCredentials.list()).map(shownServerCredential)),

  /** Replaces the one of that name. */
  put: procedure
    .input(z.strictObject(bound))
    .output(ServerCredential)
    .mutation(async ({ ctx, input: { name: given, value, ...rest } }) =>
      shownServerCredential(await ctx.services.serverCredentials.put(given, withDefaults(rest), new Secret(value))),
    ),

  revoke: procedure
    .input(z.strictObject({ name }))
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.serverCredentials.revoke(input.name);
      return done;
    }),
});
