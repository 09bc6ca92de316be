import { afterAll, expect, test } from 'vitest';
import { e2bFacade } from '../../../support/clients/e2b-facade.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

// Builds of templates over containers that run nothing. test/job/e2b/sdk has the SDKs over real ones.
const clock = manualClock(1_000_000);
const it = await e2bFacade({ token: 'e2b_0123', clock });
afterAll(() => it[Symbol.asyncDispose]());

const begin = async (name: string) => {
  const { status, body } = await it.api('POST', '/v3/templates', { name });
  expect(status).toBe(202);
  return body as { templateID: string; buildID: string };
};
const addressOf = async (template: string, hash: string) => {
  const { status, body } = await it.api('GET', `/templates/${template}/files/${hash}`);
  expect(status).toBe(201);
  return new URL(body.url);
};
const put = async ({ pathname, search }: URL, headers: Record<string, string> = {}) =>
  (await it.ask(`${pathname}${search}`, { method: 'PUT', headers, body: 'an archive' })).status;

test('the address of an upload is enough to send it, as the SDKs do', async () => {
  const { templateID } = await begin('uploads');
  const address = await addressOf(templateID, 'abc');
  expect(await put(address)).toBe(200);
  expect((await it.api('GET', `/templates/${templateID}/files/abc`)).body.present).toBe(true);
  const secure = { 'x-forwarded-proto': 'https' }; // a proxy with TLS
  const { body } = await it.api('GET', `/templates/${templateID}/files/other`, undefined, secure);
  expect(body.url).toMatch(/^https:/);
});

test('an address opens no other upload, nothing else, and not for long', async () => {
  const { templateID } = await begin('guarded');
  const other = await begin('other');
  const address = await addressOf(templateID, 'def');
  const changed = (change: (url: URL) => void) => {
    const url = new URL(address);
    change(url);
    return put(url);
  };
  const refused = [
    await put(new URL(address.pathname, address)),
    await put(new URL(address.href.replace('/def?', '/deg?'))),
    await put(new URL(address.href.replace(templateID, other.templateID))),
    await changed((url) => url.searchParams.set('expires', '99999999999')),
    await changed((url) => url.searchParams.set('expires', 'soon')),
    await changed((url) => url.searchParams.set('upload', 'wrong')),
    await changed((url) => url.searchParams.set('upload', '')),
    await put(new URL('?upload=x', address), { 'x-api-key': 'wrong' }),
  ];
  expect(refused).toEqual(refused.map(() => 401));
  expect((await it.ask(`${address.pathname}${address.search}`)).status).toBe(401); // existing resources
  expect((await it.api('GET', `/templates/${templateID}/files/def`)).body.present).toBe(false);
  clock.advance(3_602_000);
  expect(await put(address)).toBe(401);
  expect(await put(new URL(address.pathname, address), { 'x-api-key': 'e2b_0123' })).toBe(200);
});

const startBuild = async (body: object) => {
  const { templateID, buildID } = await begin('uploads');
  const answer = await it.api('POST', `/v2/templates/${templateID}/builds/${buildID}`, body);
  const status = await it.api('GET', `/templates/${templateID}/builds/${buildID}/status`);
  return { ...answer, build: status.body };
};

test('a plan with a mistake ends its build, so that it is not one of the open ones', async () => {
  const run = (user: string) => ({ fromTemplate: 'base', steps: [{ type: 'RUN', args: ['whoami', user] }] });
  const { status, body, build } = await startBuild(run('root123'));
  expect([status, build.status]).toEqual([400, 'error']);
  expect(body.message).toContain(
    "failed to run command 'whoami': command failed: unauthenticated: invalid username: 'root123'",
  );
  const input = { fromImage: 'e2bdev/base', fromImageRegistry: { type: 'registry', username: 'a', password: 'b' } };
  expect((await startBuild(input)).build.status).toBe('error');
  expect((await startBuild(run('root'))).status).toBe(202);
});

test.each([
  [{ fromTemplate: 'base:default' }, 202],
  [{ fromTemplate: 'code-interpreter-v1' }, 404], // not one of this server's templates
  [{ fromTemplate: 'somebody' }, 404],
  [{ startCmd: 'serve', readyCmd: '[ -n "$(ss -Htuln sport = :3000)" ]' }, 202],
  [{ readyCmd: 'sleep 1' }, 202],
  [{ readyCmd: '[ -n "$(ss -Htuln sport = :70000)" ]' }, 400],
  [{ startCmd: 'x'.repeat(70_000) }, 400],
])('a build with %j is %i', async (commands, status) =>
  expect((await startBuild({ fromTemplate: 'base', steps: [], ...commands })).status).toBe(status),
);
