import type { z } from 'zod';
import { Key, KeyId, Keys, keysFor, MadeKey, NewKey } from '../../api/views/keys.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { about } from './about.ts';

const base = '/api/v1/keys';
const example: z.output<typeof Key> = {
  id: '5f0c3d9b21aa',
  name: 'Ada',
  role: 'user',
  owner: '5f0c3d9b21aa',
  prefix: 'crl_5f0c3d9b21aa',
  state: 'active',
  createdAt: '2026-11-24T12:00:00.000Z',
  expiresAt: null,
  lastUsedAt: null,
  revokedAt: null,
};
const forAdmins = 'For the role admin.';

/** The API keys of people and programs. */
export function mountKeys(app: App, acting: FacadeParts['acting']): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(Keys, { keys: [example] }) } },
      config: {
        doc: about('keys', 'List the API keys, without their secrets', { description: forAdmins, fails: [401, 403] }),
        least: 'admin',
      },
    },
    async ({ principal }) => await keysFor(acting(principal)).list(),
  );
  app.post(
    base,
    {
      schema: {
        body: NewKey,
        response: {
          200: ok(MadeKey, { key: 'crl_5f0c3d9b21aa_qjXb0p7iT8Z9y2v5m1nK4wR6sU3aE0dGfHcJxLzQvBt', view: example }),
        },
      },
      config: {
        doc: about('createKey', 'Make an API key, which the answer shows this once', {
          description: `${forAdmins} The first key closes the server: from then on every request needs a key or the token.`,
          bodyExample: { name: 'Ada', role: 'user' },
          fails: [400, 401, 403, 404, 413, 422, 429],
        }),
        least: 'admin',
      },
    },
    async ({ principal, body }) => await keysFor(acting(principal)).create(body),
  );
  app.delete(
    `${base}/:id`,
    {
      schema: {
        params: KeyId,
        response: { 200: ok(Key, { ...example, state: 'revoked', revokedAt: '2026-11-24T13:00:00.000Z' }) },
      },
      config: {
        doc: about('revokeKey', 'Revoke an API key at once; its open streams end', {
          description: forAdmins,
          fails: [401, 403, 404, 409, 422],
        }),
        least: 'admin',
      },
    },
    async ({ principal, params }) => await keysFor(acting(principal)).revoke(params.id),
  );
}
