import { z } from 'zod';
import { AppError } from '../../../core/errors/errors.ts';
import { CredentialName, credentialFields, withInjectionDefaults } from '../../../core/model/credential.ts';
import { Secret } from '../../../core/text/secret.ts';
import { jsonReply, noBodyReply } from '../../../http/routes/route-docs.ts';
import type { App } from '../../../http/routes/routes.ts';
import type { BoundCredential, CredentialService } from '../../../sessions/api/credentials.ts';
import { describeRoute, findChat, findProject, type OpencodexDeps } from './context.ts';
import { toIsoTime } from './names.ts';
import { exampleTime, isoTimestamp } from './replies/examples.ts';
import { ChatParams, ProjectParams } from './schemas.ts';

const Credential = z.object({
  name: z.string(),
  hosts: z.array(z.string()),
  header: z.string(),
  scheme: z.string().nullable().describe('null: the header has the value as it is'),
  user: z.string().nullable(),
  env: z.array(z.string()),
  git: z.enum(['read', 'write']).nullable().describe('null: not only for git'),
  paths: z.array(z.string()).nullable().describe('null: all of its hosts'),
  created_at: isoTimestamp,
});
const example: z.output<typeof Credential> = {
  name: 'anthropic',
  hosts: ['api.anthropic.com'],
  header: 'x-api-key',
  scheme: null,
  user: null,
  env: ['ANTHROPIC_API_KEY'],
  git: null,
  paths: null,
  created_at: exampleTime,
};
const list = jsonReply('Credentials', z.object({ credentials: z.array(Credential) }), { credentials: [example] });
const one = jsonReply('The credential, without its value', Credential, example);
const Body = z.object({ ...credentialFields, value: z.string().max(8_192) });
const { name: _, created_at: __, scheme: ___, user: ____, git: _____, paths: ______, ...places } = example;
const bodyExample = { ...places, value: 'the-real-key' };
// validated after the holder's id, so the 404 for a missing holder comes first
const named = { credential: z.string() };

const view = ({ name, hosts, header, scheme, user, env, git, paths, createdAt }: BoundCredential) => ({
  name,
  hosts: [...hosts],
  header,
  env: [...env],
  git: git ?? null,
  paths: paths ? [...paths] : null,
  scheme: scheme ?? null,
  user: user ?? null,
  created_at: toIsoTime(createdAt),
});

/** The sandbox has only placeholders; the egress proxy adds the real values. */
export function mountCredentials(app: App, deps: OpencodexDeps): void {
  const { projectCredentials, sessionCredentials } = deps.services;
  mountFor(app, projectCredentials, {
    path: '/api/v1/projects/:project_id/credentials',
    what: 'Project',
    params: ProjectParams,
    findId: async (params) => (await findProject(deps, (params as z.output<typeof ProjectParams>).project_id)).id,
  });
  mountFor(app, sessionCredentials, {
    path: '/api/v1/chats/:sid/credentials',
    what: 'Chat',
    params: ChatParams,
    findId: async (params) => (await findChat(deps, (params as z.output<typeof ChatParams>).sid)).id,
  });
}

function parseName(text: string): string {
  if (CredentialName.safeParse(text).success) return text;
  const rule = 'It has up to 31 small letters, digits and hyphens, and begins with a letter.';
  throw new AppError('invalid_request', `'${text.slice(0, 40)}' is no name of a credential. ${rule}`);
}

interface CredentialHolder<Id> {
  readonly path: string;
  readonly what: 'Project' | 'Chat';
  readonly params: typeof ProjectParams | typeof ChatParams;
  findId(params: unknown): Promise<Id>;
}

function mountFor<Id>(
  app: App,
  credentials: CredentialService<Id>,
  { path, what, params, findId }: CredentialHolder<Id>,
): void {
  const of = `of a ${what.toLowerCase()}`;
  const Named = z.object({ ...params.shape, ...named });
  app.get(
    path,
    describeRoute(`List${what}Credentials`, `List the credentials ${of}; never a value`, {
      schema: { params, response: { 200: list } },
      fails: [404],
    }),
    async (request) => ({ credentials: (await credentials.list(await findId(request.params))).map(view) }),
  );
  app.put(
    `${path}/:credential`,
    describeRoute(`Put${what}Credential`, `Store a credential ${of}, encrypted; replaces the one of that name`, {
      schema: { params: Named, body: Body, response: { 200: one } },
      bodyExample,
      fails: [404, 409, 413, 422],
    }),
    async (request) => {
      const { value, ...rest } = request.body;
      const id = await findId(request.params);
      const name = parseName(request.params.credential);
      return view(await credentials.put(id, { name, ...withInjectionDefaults(rest) }, new Secret(value)));
    },
  );
  app.delete(
    `${path}/:credential`,
    describeRoute(`Revoke${what}Credential`, `Revoke a credential ${of}`, {
      schema: { params: Named, response: { 204: noBodyReply } },
      fails: [404],
    }),
    async (request, reply) => {
      await credentials.revoke(await findId(request.params), request.params.credential);
      return reply.code(204).send();
    },
  );
}
