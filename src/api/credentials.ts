import { z } from 'zod';
import { CredentialName, credentialFields, withInjectionDefaults } from '../core/model/credential.ts';
import { Secret } from '../core/text/secret.ts';
import { defineOperations, procedure, router, sessionProcedure } from './procedure/procedure.ts';
import {
  awaitOkResult,
  IsoTime,
  OkResult,
  okOperationFields,
  ProjectIdInput,
  sessionTarget,
} from './procedure/schemas.ts';

// Responses never contain a credential's value.

const Credential = z.object({
  name: z.string(),
  hosts: z.array(z.string()).readonly(),
  header: z.string(),
  /** Null if the header contains only the credential's value. */
  scheme: z.enum(['bearer', 'basic']).nullable().default(null),
  user: z.string().nullable().default(null),
  env: z.array(z.string()).readonly(),
  git: z.enum(['read', 'write']).nullable().default(null),
  /** Null allows all paths or, with `git`, only the paths of each session's repositories. */
  paths: z.array(z.string()).readonly().nullable().default(null),
  createdAt: IsoTime,
});
const ServerCredential = Credential.extend({
  /** The environment variable or corral.yaml key that sets the credential. Null if it is stored. */
  setBy: z.string().nullable(),
  createdAt: IsoTime.nullable(),
});

const name = CredentialName;
const bound = { ...credentialFields, name, value: z.string().max(8_192) };
const ofProject = z.strictObject({ projectId: ProjectIdInput });

export const sessionCredentialsRouter = router({
  list: sessionProcedure
    .output(z.array(Credential).readonly())
    .query(async ({ ctx, input }) => await ctx.services.sessionCredentials.list(input.sessionId)),

  put: procedure
    .input(sessionTarget.extend(bound))
    .output(Credential)
    .mutation(
      async ({ ctx, input: { sessionId, value, ...rest } }) =>
        await ctx.services.sessionCredentials.put(sessionId, withInjectionDefaults(rest), new Secret(value)),
    ),

  revoke: procedure
    .input(sessionTarget.extend({ name }))
    .output(OkResult)
    .mutation(({ ctx, input }) => awaitOkResult(ctx.services.sessionCredentials.revoke(input.sessionId, input.name))),
});

export const projectCredentialsRouter = router({
  list: procedure
    .input(ofProject)
    .output(z.array(Credential).readonly())
    .query(async ({ ctx, input }) => await ctx.services.projectCredentials.list(input.projectId)),

  put: procedure
    .input(ofProject.extend(bound))
    .output(Credential)
    .mutation(
      async ({ ctx, input: { projectId, value, ...rest } }) =>
        await ctx.services.projectCredentials.put(projectId, withInjectionDefaults(rest), new Secret(value)),
    ),

  revoke: procedure
    .input(ofProject.extend({ name }))
    .output(OkResult)
    .mutation(({ ctx, input }) => awaitOkResult(ctx.services.projectCredentials.revoke(input.projectId, input.name))),
});

const All = z.object({ credentials: z.array(ServerCredential).readonly() });
const revoked = { schema: z.object({ revoked: z.literal(true) }), value: { revoked: true } };
const example: z.output<typeof ServerCredential> = {
  name: 'weather',
  hosts: ['api.weather.example'],
  header: 'x-api-key',
  scheme: null,
  user: null,
  env: ['WEATHER_API_KEY'],
  git: null,
  paths: null,
  setBy: null,
  createdAt: '2026-11-24T12:00:00.000Z',
};
const bodyExample = { hosts: example.hosts, header: 'x-api-key', env: example.env, value: 'the-real-key' };
const forAdmins = 'For the role admin.';

const operation = defineOperations({
  tag: 'Server',
  prefix: '',
  style: 'server',
  command: {
    name: 'secret',
    about:
      'keeps secrets that the egress proxy adds to requests for their hosts; no sandbox and no answer contains a value',
    args: [['[name]', 'a name such as weather, for set and delete']],
    examples: [
      'corral secret',
      'corral secret set weather --host api.weather.example --header x-api-key < key.txt',
      'corral secret set model --session last --host api.model.example --variable MODEL_KEY --file key.txt',
      'corral secret delete weather',
    ],
    columns: ['{name}', '{hosts}', '{header}[: {scheme}]', '{env}'],
  },
});
const base = '/api/v1/server-credentials';

/** Credentials in the settings cannot be changed. */
export const serverCredentialsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    id: 'serverCredentials',
    summary: 'List the credentials of all sandboxes; never a value',
    verb: { name: 'ls' },
    description: `${forAdmins} Credentials from the settings have \`setBy\`.`,
    may: 'admin',
    out: z.array(ServerCredential).readonly(),
    answer: [example],
    reply: { schema: All, value: (credentials: unknown) => ({ credentials }) },
    fails: [401, 403],
  }).query(async ({ ctx }) => await ctx.services.serverCredentials.list()),
  put: operation({
    rest: `PUT ${base}/:name`,
    id: 'putServerCredential',
    summary: 'Store a credential of all sandboxes, encrypted; replaces the one of that name',
    verb: {
      name: 'set',
      options: { '--host <host...>': 'hosts', '--variable <name...>': 'env', '--path <path...>': 'paths' },
    },
    description: `${forAdmins} New connections use it immediately; its variables are set when a sandbox next starts.`,
    may: 'admin',
    in: z.strictObject(bound),
    out: ServerCredential,
    example: bodyExample,
    answer: example,
    fails: [400, 401, 403, 409, 413, 422],
  }).mutation(
    async ({ ctx, input: { name: text, value, ...rest } }) =>
      await ctx.services.serverCredentials.put(text, withInjectionDefaults(rest), new Secret(value)),
  ),
  revoke: operation({
    rest: `DELETE ${base}/:name`,
    id: 'revokeServerCredential',
    summary: 'Revoke a credential of all sandboxes',
    verb: { name: 'delete' },
    description: forAdmins,
    may: 'admin',
    in: z.strictObject({ name }),
    ...okOperationFields,
    reply: revoked,
    fails: [400, 401, 403, 404, 422],
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.serverCredentials.revoke(input.name))),
});
