import fastify from 'fastify';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { detailReply } from '../../../../src/http/errors/failure-docs.ts';
import { checkReplies } from '../../../../src/http/routes/reply-check.ts';
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

test('a reply that keeps its schema is sent as it is', async () =>
  expect(await ask(right)).toEqual({ statusCode: 200, body: JSON.stringify(right), errors: [] }));

test('a reply that breaks its schema is a 500 that names the route and the field, and an error in the log', async () => {
  const { statusCode, body, errors } = await ask({ ...right, sizes: [{ width: 1 }, { width: 'wide' }] });
  expect(statusCode).toBe(500);
  const { detail: text } = JSON.parse(body);
  expect(text).toMatch(/^GET \/items\/:id sent a 200 that its schema does not allow: sizes\.1\.width: .*number/);
  expect(errors).toEqual([text]);
});

test('a field that the schema does not name breaks it, however deep', async () => {
  const { statusCode, body } = await ask({ ...right, sizes: [{ width: 1, height: 2 }] });
  const expected = [500, expect.stringContaining('sizes.0.height: the schema has no such field')];
  expect([statusCode, JSON.parse(body).detail]).toEqual(expected);
});

test('JSON that the handler serialized itself is checked too', async () => {
  expect((await ask('{"id":7,"sizes":[]}')).statusCode).toBe(500);
  expect((await ask(JSON.stringify(right))).statusCode).toBe(200);
});

test('a failure is checked against the documented failures', async () => {
  expect(await ask({ detail: 'Not found' }, { status: 404 })).toMatchObject({ statusCode: 404, errors: [] });
  expect((await ask({ msg: 'Not found' }, { status: 404 })).statusCode).toBe(500);
});

test('a body of another type than the documented one breaks the schema', async () => {
  const { statusCode, body } = await ask('hello', { type: 'text/plain' });
  expect([statusCode, body]).toEqual([500, expect.stringContaining('its type is text/plain, not application/json')]);
});

test('a reply without a described body is not checked', async () =>
  expect(await ask('', { status: 204 })).toMatchObject({ statusCode: 204, errors: [] }));

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
