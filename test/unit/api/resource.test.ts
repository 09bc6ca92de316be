import fastify from 'fastify';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { deriveCommands } from '../../../scripts/derived-commands.ts';
import { renderOperationsPage } from '../../../scripts/reference-docs.ts';
import { defineOperations, listOperations, router } from '../../../src/api/procedure/procedure.ts';
import { OkResult, okResult } from '../../../src/api/procedure/schemas.ts';
import { ParsedOptions } from '../../../src/cli/command.ts';
import { createResourceCommand, formatTable } from '../../../src/cli/derived.ts';
import { AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { Principal } from '../../../src/core/model/principal.ts';
import { buildOpenApiDocument } from '../../../src/facades/server/openapi.ts';
import { createRestRoutes } from '../../../src/facades/shared/rest.ts';
import { wireErrors } from '../../../src/http/errors/wire-errors.ts';
import { validatorCompiler } from '../../../src/http/routes/app.ts';
import { createRouteTable } from '../../../src/http/routes/routes.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { textIo } from '../../support/text-io.ts';

// A made-up resource with five operations: what follows from its one description.

const owners = new Map<string, { name: string; owner?: string | undefined }>();
const Parcel = z.object({ id: z.string(), name: z.string() });
const byId = z.strictObject({ id: z.string() });
const find = async (id: string) => {
  const found = owners.get(id);
  if (!found) throw new AppError('not_found', 'There is no such parcel.');
  return found;
};
const command = {
  name: 'parcel',
  about: 'sends parcels',
  examples: [],
  columns: ['{id}', '{name}[ to {to.city}] | nobody', '{?owner}owned | {+weight} g'],
  hasNames: true,
} as const;
const operation = defineOperations({
  ...{ tag: 'Parcels', prefix: 'parcels', noun: 'parcel', command },
  find: (_ctx, id) => find(id),
});
const path = '/api/v1/parcels';
const one = { out: Parcel, answer: { id: 'p1', name: 'books' } };
const parcels = router({
  list: operation({
    rest: `GET ${path}`,
    id: 'List',
    summary: 'List parcels',
    verb: { name: 'ls' },
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
    verb: { name: 'create', words: ['name'], options: { '--city <city>': 'to.city' } },
    may: 'create',
    audit: 'parcel.create',
    in: z.strictObject({
      name: z.string(),
      weight: z.int().optional().describe('grams'),
      to: z.strictObject({ city: z.string().describe('where it goes') }).optional(),
    }),
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
    verb: { name: 'delete' },
    may: 'stop',
    audit: 'parcel.delete',
    in: byId,
    out: OkResult,
    answer: okResult,
    fails: [404],
  }).mutation(({ input }) => {
    owners.delete(input.id);
    return okResult;
  }),
});
const described = listOperations(router({ parcels }));

function served() {
  const reports: string[] = [];
  const audit = {
    tell: ({ action, target, outcome }: Record<string, unknown>) => void reports.push(`${action} ${target} ${outcome}`),
  };
  const acting = (principal: Principal) => ({ principal, services: {}, unchecked: {}, audit }) as never;
  const app = fastify();
  const table = createRouteTable(app);
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(() => JSON.stringify);
  app.addHook('onRequest', async (request) => {
    const [role, owner] = String(request.headers.authorization).split(' ') as [Principal['role'], string | undefined];
    Object.assign(request, { principal: { role, ...(owner && { owner }) }, client: { scheme: 'http' } });
  });
  app.setErrorHandler((thrown, _request, reply) => reply.code(wireErrors[toAppError(thrown).code].http).send({}));
  const parts = { acting, version: '1', clock: manualClock(), previews: undefined as never };
  createRestRoutes(parts, 'Parcels', described).mount(app as never);
  const call = async (
    authorization: string,
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
  ) => {
    const { statusCode, json } = await app.inject({ method, url, headers: { authorization }, ...(body && { body }) });
    return [statusCode, json()];
  };
  return { reports, call, table };
}

test('one description gives routes, rights and entries of the audit log', async () => {
  const { reports, call } = served();
  expect(await call('user ada', 'POST', path, { name: 'books' })).toEqual([200, { id: 'p1', name: 'books' }]);
  expect(await call('user ada', 'GET', `${path}/p1`)).toEqual([200, { id: 'p1', name: 'books' }]);
  expect((await call('user bob', 'GET', `${path}/p1`))[0]).toBe(404);
  expect((await call('user bob', 'PATCH', `${path}/p1`, { name: 'mine' }))[0]).toBe(404);
  expect((await call('user ada', 'PATCH', `${path}/p1`, { title: 'pens' }))[0]).toBe(400);
  expect(await call('user ada', 'PATCH', `${path}/p1`, { name: 'pens' })).toEqual([200, { id: 'p1', name: 'pens' }]);
  expect(await call('admin', 'GET', path)).toEqual([200, [{ id: 'p1', name: 'pens' }]]);
  expect((await call('viewer ada', 'POST', path, { name: 'x' }))[0]).toBe(403);
  expect(await call('operator eve', 'DELETE', `${path}/p1`)).toEqual([200, { deleted: true }]);
  expect(reports).toEqual([
    'parcel.create p1 done',
    'parcel.change p1 not_found',
    'parcel.change p1 done',
    'parcel.create undefined forbidden',
    'parcel.delete p1 done',
  ]);
});

test('the same description gives the OpenAPI document, the reference and the rows of the caller matrix', () => {
  const { paths } = buildOpenApiDocument(served().table.routes, '1') as {
    paths: Record<string, Record<string, object>>;
  };
  expect(Object.entries(paths).map(([at, methods]) => [at, Object.keys(methods).sort()])).toEqual([
    [path, ['get', 'post']],
    [`${path}/{parcel}`, ['delete', 'get', 'patch']],
  ]);
  const expected = { operationId: 'parcelsCreate', tags: ['Parcels'], summary: 'Make a parcel' };
  expect(paths[path]?.post).toMatchObject(expected);
  expect(renderOperationsPage(described)).toContain(
    `- \`parcels.update\`, \`PATCH ${path}/{parcel}\` (work, audited as \`parcel.change\`): Rename a parcel`,
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

test('the command has its verbs, words and options, finds an item by its name, and prints tables or JSON', async () => {
  owners.clear();
  const [derived] = deriveCommands(described);
  const parcel = createResourceCommand(derived as never);
  expect([parcel.args[0]?.[1], parcel.options]).toEqual([
    'ls, create or delete; without one: ls',
    [
      ['--weight <weight>', 'with create: grams'],
      ['--city <city>', 'with create: where it goes'],
      ['--json', expect.any(String)],
    ],
  ]);
  const inputs: unknown[] = [];
  const calls = parcels.createCaller({
    principal: { role: 'admin' },
    calls: { enter: () => ({ [Symbol.dispose]() {} }) },
  } as never) as unknown as Record<string, (input?: unknown) => Promise<unknown>>;
  const called = (name: string) => async (input?: unknown) => {
    inputs.push(input);
    return await calls[name]?.(input);
  };
  const api = Object.fromEntries(
    ['list', 'create', 'delete'].map((name) => [name, { query: called(name), mutate: called(name) }]),
  );
  const server = { call: (use: (all: object) => Promise<unknown>) => use({ parcels: api }) };
  const typed = async (args: readonly string[], options: Record<string, unknown> = {}) => {
    const { io, shown } = textIo();
    await parcel.run({
      args,
      options: new ParsedOptions(options),
      io,
      isProgram: false,
      corral: () => server as never,
    });
    return shown();
  };
  expect(await typed([])).toBe('There are no parcels. See: corral help parcel\n');
  expect(await typed(['create', 'books'], { weight: '20', city: 'Rome' })).toBe('p1  books\n');
  expect(inputs.at(-1)).toEqual({ name: 'books', weight: 20, to: { city: 'Rome' } });
  expect(await typed(['list'], { json: true })).toBe('{"id":"p1","name":"books"}\n');
  await expect(typed(['create', 'pens'], { weight: 'much' })).rejects.toThrow('--weight must be a number, not much.');
  await expect(typed(['create'])).rejects.toThrow('Write: corral parcel create <name>');
  await expect(typed(['send'])).rejects.toThrow('There is no action "send". Use ls, create or delete.');
  expect(await typed(['rm', 'books'])).toBe('books\n');
  expect(inputs.at(-1)).toEqual({ id: 'p1' });
});

test.each([
  [{ id: 'p1', name: 'books', to: { city: 'Rome' }, weight: 20 }, 'p1  books to Rome  20 g'],
  [{ id: 'p1', name: 'books', to: null, weight: 0 }, 'p1  books'],
  [{ id: 'p1', name: '', owner: 'ada', to: [{ city: 'Rome' }] }, 'p1  nobody  owned'],
  [{ id: 'p1', name: 'a\u001b[31m\nb', to: [{ city: 'Rome' }, { city: 'Bonn' }] }, 'p1  a to Rome,Bonn'],
  [{ id: '2026-11-24T12:00:00.000Z', name: '{id}', weight: 0.25 }, '2026-11-24 12:00:00  {id}  0.2500 g'],
])('a row of %j is %s', (row, line) => {
  expect(formatTable([row], command.columns)).toEqual([line]);
});

test('columns of wide characters are in line', () => {
  const rows = [
    { id: '名', name: 'a' },
    { id: 'bcd', name: 'e' },
  ];
  expect(formatTable(rows, ['{id}', '{name}'])).toEqual(['名   a', 'bcd  e']);
});
