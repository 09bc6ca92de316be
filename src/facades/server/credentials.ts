import { z } from 'zod';
import { ServerCredential, shownServerCredential } from '../../api/views/credentials.ts';
import { CredentialName, credentialFields, withDefaults } from '../../core/model/credential.ts';
import { Secret } from '../../core/text/secret.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import type { Services } from '../../sessions/api/services.ts';
import { about } from './about.ts';

const base = '/api/v1/server-credentials';
const Named = z.strictObject({ name: CredentialName });
const Body = z.strictObject({ ...credentialFields, value: z.string().max(8_192) });
const All = z.object({ credentials: z.array(ServerCredential) });
const Revoked = z.object({ revoked: z.literal(true) });
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

/** The secrets of all sandboxes. The proxy adds their values; sandboxes have placeholders. */
export function mountCredentials(app: App, credentials: Services['serverCredentials']): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(All, { credentials: [example] }) } },
      config: {
        doc: about('serverCredentials', 'List the credentials of all sandboxes; never a value', {
          description: `${forAdmins} Those of the settings have \`setBy\`.`,
          fails: [401, 403],
        }),
        least: 'admin',
      },
    },
    async () => ({ credentials: (await credentials.list()).map(shownServerCredential) }),
  );
  app.put(
    `${base}/:name`,
    {
      schema: { params: Named, body: Body, response: { 200: ok(ServerCredential, example) } },
      config: {
        doc: about(
          'putServerCredential',
          'Store a credential of all sandboxes, encrypted; replaces the one of that name',
          {
            description: `${forAdmins} New connections use it at once; variables come with the next start of a sandbox.`,
            bodyExample,
            fails: [400, 401, 403, 409, 413, 422],
          },
        ),
        least: 'admin',
      },
    },
    async ({ params: { name }, body: { value, ...rest } }) =>
      shownServerCredential(await credentials.put(name, withDefaults(rest), new Secret(value))),
  );
  app.delete(
    `${base}/:name`,
    {
      schema: { params: Named, response: { 200: ok(Revoked, { revoked: true }) } },
      config: {
        doc: about('revokeServerCredential', 'Revoke a credential of all sandboxes', {
          description: forAdmins,
          fails: [400, 401, 403, 404, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params }) => {
      await credentials.revoke(params.name);
      return { revoked: true as const };
    },
  );
}
