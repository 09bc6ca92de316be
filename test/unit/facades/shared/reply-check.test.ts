import fastify from 'fastify';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { detailReply } from '../../../../src/http/errors/failure-docs.ts';
import { checkReplies } from '../../../../src/http/routes/app.ts';
import { jsonReply, noBodyReply, type ReplyDoc, type RouteDoc } from '../../../../src/http/routes/route-docs.ts';
import { createRouteTable } from '../../../../src/http/routes/routes.ts';

const Item = z.object({ id: z.string(), sizes: z.array(z.object({ width: z.int() })) });
const right = { id: 'a', sizes: [{ width: 1 }, { width: 2 }] };
const doc: RouteDoc = {
  operationId: 'one',
  tag: 'Server',
  summary: 'One',
  failures: { default: detailReply('Failed') },
};

/** A server with one route that sends `sent`, and the errors that it logs. */
function serverThatSends(sent: unknown, { status = 200, type = 'application/json', checks = true } = {}) {
  const app = fastify();
  const errors: string[] = [];
  if (checks) checkReplies(app, { error: (_fields, text) => void errors.push(text) });
  const table = createRouteTable(app);
  const response: Record<number, ReplyDoc> = { 200: jsonReply('Items', Item), 204: noBodyReply };
  app.get('/items/:id', { schema: { response }, config: { doc } }, (_request, reply) =>
    reply.code(status).type(type).send(sent),
  );
  return { app, errors, table };
}
const ask = async (...args: Parameters<typeof serverThatSends>) => {
  const { app, errors } = serverThatSends(...args);
  const { statusCode, body } = await app.inject('/items/7');
  return { statusCode, body, errors };
};

test.each([
  ['keeps its schema', right, {}, { statusCode: 200, body: JSON.stringify(right) }],
  ['was serialized by its handler', JSON.stringify(right), {}, { statusCode: 200 }],
  ['is a documented failure', { detail: 'Not found' }, { status: 404 }, { statusCode: 404 }],
  ['has no described body', '', { status: 204 }, { statusCode: 204 }],
])('a reply that %s is sent as it is', async (_, sent, how, expected) =>
  expect(await ask(sent, how)).toMatchObject({ ...expected, errors: [] }),
);

test.each([
  [
    'breaks its schema',
    { ...right, sizes: [{ width: 1 }, { width: 'wide' }] },
    {},
    /^GET \/items\/:id sent a 200 that its schema does not allow: sizes\.1\.width: .*number/,
  ],
  [
    'has a field that the schema does not name, however deep',
    { ...right, sizes: [{ width: 1, height: 2 }] },
    {},
    /sizes\.0\.height: the schema has no such field/,
  ],
  ['its handler serialized against the schema', '{"id":7,"sizes":[]}', {}, /^GET/],
  ['is a failure that is not documented', { msg: 'Not found' }, { status: 404 }, /^GET/],
  ['has another type', 'hello', { type: 'text/plain' }, /its type is text\/plain, not application\/json/],
])('a reply that %s is a 500 that says why, and an error in the log', async (_, sent, how, why) => {
  const { statusCode, body, errors } = await ask(sent, how);
  expect([statusCode, body.includes(JSON.stringify(errors[0]).slice(1, -1))]).toEqual([500, true]);
  expect(errors).toEqual([expect.stringMatching(why)]);
});

test('without the check a reply is sent unchanged, and Fastify gets no schema for it', async () => {
  const { app } = serverThatSends({ id: 7 }, { checks: false });
  const responses: unknown[] = [];
  app.addHook('onRequest', async ({ routeOptions }) => void responses.push(routeOptions.schema?.response));
  expect([(await app.inject('/items/7')).body, responses]).toEqual(['{"id":7}', [undefined]]);
});

test('the table lists a route with its replies and failures', async () => {
  const { app, table } = serverThatSends(right);
  await app.ready();
  expect(table.routes.map(({ method, url, replies }) => [method, url, [...replies.keys()]])).toContainEqual([
    'GET',
    '/items/:id',
    ['200', '204', 'default'],
  ]);
});
