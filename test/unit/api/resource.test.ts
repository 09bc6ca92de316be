import fastify from 'fastify';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { operationsPage } from '../../../scripts/reference-docs.ts';
import { describedOperations, operationsOf, router } from '../../../src/api/procedure/procedure.ts';
import { Done, done } from '../../../src/api/procedure/schemas.ts';
import { AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { Principal } from '../../../src/core/model/principal.ts';
import { openApiDocument } from '../../../src/facades/server/openapi.ts';
import { restRoutes } from '../../../src/facades/shared/rest.ts';
import { wireErrors } from '../../../src/http/errors/wire-errors.ts';
import { validatorCompiler } from '../../../src/http/routes/app.ts';
import { routeTable } from '../../../src/http/routes/routes.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

// A made-up resource with five operations: what follows from its one description.

const owners = new Map<string, { name: string; owner?: string | undefined }>();
const Parcel = z.object({ id: z.string(), name: z.string() });
const byId = z.strictObject({ id: z.string() });
const find = async (id: string) => {
  const found = owners.get(id);
  if (!found) throw new AppError('not_found', 'There is no such parcel.');
  return found;
};
const operation = operationsOf({ tag: 'Parcels', prefix: 'parcels', noun: 'parcel', find: (_ctx, id) => find(id) });
const path = '/api/v1/parcels';
const one = { out: Parcel, answer: { id: 'p1', name: 'books' } };
const parcels = router({
  list: operation({
    rest: `GET ${path}`,
    id: 'List',
    summary: 'List parcels',
    may: 'any',
    out: Parcel.array(),
    answer: [one.answer],
  }).query(() => [...owners].map(([id, { name }]) => ({ id, name }))),
  get: operation({
    ...one,
    rest: `GET ${path}/:parcel=id`,
    id: 'Get',
    summary: 'Get a parcel',
    may: 'read',
    in: byId,
  }).query(async ({ input: { id } }) => ({ id, name: (await find(id)).name })),
  create: operation({
    ...one,
    rest: `POST ${path}`,
    id: 'Create',
    summary: 'Make a parcel',
    may: 'create',
    audit: 'parcel.create',
    in: z.strictObject({ name: z.string() }),
    example: { name: 'books' },
  }).mutation(({ ctx, input: { name } }) => {
    const id = `p${owners.size + 1}`;
    owners.set(id, { name, owner: ctx.principal.owner });
    return { id, name };
  }),
  update: operation({
    ...one,
    rest: `PATCH ${path}/:parcel=id`,
    id: 'Change',
    summary: 'Rename a parcel',
    may: 'work',
    audit: 'parcel.change',
    in: byId.extend({ name: z.string() }),
  }).mutation(async ({ input: { id, name } }) => {
    (await find(id)).name = name;
    return { id, name };
  }),
  delete: operation({
    rest: `DELETE ${path}/:parcel=id`,
    id: 'Delete',
    summary: 'Delete a parcel',
    may: 'stop',
    audit: 'parcel.delete',
    in: byId,
    out: Done,
    answer: done,
    fails: [404],
  }).mutation(({ input }) => {
    owners.delete(input.id);
    return done;
  }),
});
const described = describedOperations(router({ parcels }));

function served() {
  const told: string[] = [];
  const audit = {
    tell: ({ action, target, outcome }: Record<string, unknown>) => void told.push(`${action} ${target} ${outcome}`),
  };
  const acting = (principal: Principal) => ({ principal, services: {}, unchecked: {}, audit }) as never;
  const app = fastify();
  const table = routeTable(app);
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(() => JSON.stringify);
  app.addHook('onRequest', async (request) => {
    const [role, owner] = String(request.headers.authorization).split(' ') as [Principal['role'], string | undefined];
    Object.assign(request, { principal: { role, ...(owner && { owner }) }, client: { scheme: 'http' } });
  });
  app.setErrorHandler((thrown, _request, reply) => reply.code(wireErrors[toAppError(thrown).code].http).send({}));
  const parts = { acting, version: '1', clock: manualClock(), previews: undefined as never };
  restRoutes(parts, 'Parcels', described).mount(app as never);
  const call = async (
    authorization: string,
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
  ) => {
    const { statusCode, json } = await app.inject({ method, url, headers: { authorization }, ...(body && { body }) });
    return [statusCode, json()];
  };
  return { told, call, table };
}

test('one description gives routes, rights and entries of the audit log', async () => {
  const { told, call } = served();
  expect(await call('user ada', 'POST', path, { name: 'books' })).toEqual([200, { id: 'p1', name: 'books' }]);
  expect(await call('user ada', 'GET', `${path}/p1`)).toEqual([200, { id: 'p1', name: 'books' }]);
  expect((await call('user bob', 'GET', `${path}/p1`))[0]).toBe(404);
  expect((await call('user bob', 'PATCH', `${path}/p1`, { name: 'mine' }))[0]).toBe(404);
  expect((await call('user ada', 'PATCH', `${path}/p1`, { title: 'pens' }))[0]).toBe(400);
  expect(await call('user ada', 'PATCH', `${path}/p1`, { name: 'pens' })).toEqual([200, { id: 'p1', name: 'pens' }]);
  expect(await call('admin', 'GET', path)).toEqual([200, [{ id: 'p1', name: 'pens' }]]);
  expect((await call('viewer ada', 'POST', path, { name: 'x' }))[0]).toBe(403);
  expect(await call('operator eve', 'DELETE', `${path}/p1`)).toEqual([200, { deleted: true }]);
  expect(told).toEqual([
    'parcel.create p1 done',
    'parcel.change p1 not_found',
    'parcel.change p1 done',
    'parcel.create undefined forbidden',
    'parcel.delete p1 done',
  ]);
});

test('the same description gives the OpenAPI document, the reference and the rows of the caller matrix', () => {
  const { paths } = openApiDocument(served().table.routes, '1') as { paths: Record<string, Record<string, object>> };
  expect(Object.entries(paths).map(([at, methods]) => [at, Object.keys(methods).sort()])).toEqual([
    [path, ['get', 'post']],
    [`${path}/{parcel}`, ['delete', 'get', 'patch']],
  ]);
  expect(paths[path]?.post).toMatchObject({
    operationId: 'parcelsCreate',
    tags: ['Parcels'],
    summary: 'Make a parcel',
  });
  expect(operationsPage(described)).toContain(
    `| \`parcels.update\` | \`PATCH ${path}/{parcel}\` | work | \`parcel.change\` | Rename a parcel |`,
  );
  expect(described.map(({ name, meta: { may } }) => `${name} ${may}`)).toEqual(
    ['list any', 'get read', 'create create', 'update work', 'delete stop'].map((row) => `parcels.${row}`),
  );
});

test('tRPC calls it under the same rights', async () => {
  const caller = (principal: Principal) =>
    parcels.createCaller({ principal, calls: { enter: () => ({ [Symbol.dispose]() {} }) } } as never);
  const { id } = await caller({ role: 'user', owner: 'ada' }).create({ name: 'tea' });
  await expect(caller({ role: 'user', owner: 'bob' }).get({ id })).rejects.toThrow('There is no such parcel.');
  expect(await caller({ role: 'user', owner: 'ada' }).get({ id })).toEqual({ id, name: 'tea' });
});
