import { z } from 'zod';
import { Secret } from '../../../../core/text/secret.ts';
import type { App } from '../../../../http/routes/routes.ts';
import type { NamedSecret } from '../../../../sessions/api/server/secrets.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { paginate, parseRequestBody, parseUrlQuery, toIsoTime } from './parsed.ts';

const bytes = (most: number) => z.string().refine((text) => Buffer.byteLength(text) <= most, `is over ${most} bytes`);
const Metadata = z
  .record(bytes(128), bytes(1_024))
  .refine((all) => Object.keys(all).length <= 32, 'has more than 32 entries')
  .refine((all) => Buffer.byteLength(JSON.stringify(all)) <= 8_192, 'is over 8192 bytes');
const Name = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^{}\p{Cc}]+$/u, 'has a brace or a control character')
  .refine((name) => !/^sec_/i.test(name), 'begins with sec_, as ids do');
const Value = z.string().max(10_000);
const NewSecretBody = z.object({ name: Name, value: Value, metadata: Metadata.nullish() });
const SecretUpdate = z.object({ value: Value, metadata: Metadata.nullish() });
const Params = z.object({ secret: z.string().max(200) });
const ofSecret = { schema: { params: Params } } as const;
const withBody = { schema: { params: Params, body: z.unknown() } } as const;

const toView = ({ id, name, version, metadata, createdAt, updatedAt }: NamedSecret) => ({
  secretID: id,
  name,
  currentVersion: version,
  metadata,
  createdAt: toIsoTime(createdAt),
  updatedAt: toIsoTime(updatedAt),
});

/** Responses never contain a secret's value. */
export function mountSecretRoutes(app: App, { secrets }: Pick<Services, 'secrets'>): void {
  app.get('/e2b/secrets', async (request, reply) => {
    return paginate(await secrets.list(), parseUrlQuery(request), reply).map(toView);
  });
  app.post('/e2b/secrets', { schema: { body: z.unknown() } }, async ({ body }, reply) => {
    const { name, value, metadata } = parseRequestBody(NewSecretBody, body);
    const namedSecret = await secrets.create({ name, value: new Secret(value), metadata: metadata ?? {} });
    return reply.code(201).send(toView(namedSecret));
  });
  app.get('/e2b/secrets/:secret', ofSecret, async ({ params }) => toView(await secrets.find(params.secret)));
  app.post('/e2b/secrets/:secret', withBody, async ({ params, body }) => {
    const { value, metadata } = parseRequestBody(SecretUpdate, body);
    const { id } = await secrets.find(params.secret);
    return toView(await secrets.replace(id, new Secret(value), metadata ?? undefined));
  });
  app.delete('/e2b/secrets/:secret', ofSecret, async ({ params }, reply) => {
    const { id } = await secrets.find(params.secret);
    await secrets.delete(id);
    return reply.code(204).send();
  });
}
