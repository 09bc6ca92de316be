import type { FactType, SessionEvent } from '../../../src/core/model/events.ts';
import { api, storedEvents } from '../clients/api.ts';
import { openClient } from '../clients/trpc.ts';
import { failureTeller } from '../runner/on-failure.ts';
import { composedServer } from '../servers/composed.ts';
import { reaches } from '../servers/real-server.ts';
import { serverProcess } from '../servers/server-process.ts';
import { type FakeProvider, fakeProvider } from './fake-models/server.ts';
import { fakeSettings } from './fake-models/settings.ts';
import type { FakeReply, FakeRequest, Limits, WireName } from './fake-models/wire-format.ts';

interface Options {
  readonly wire: WireName;
  readonly replies: (request: FakeRequest, n: number) => FakeReply;
  readonly settings?: Record<string, string>;
  readonly limits?: Partial<Limits>;
}

/** The whole core, in this process, with a provider's wire format behind it. */
export async function modelServer({ wire, replies, settings = {}, limits = {} }: Options) {
  await using stack = new AsyncDisposableStack();
  const provider = stack.use(await fakeProvider(wire, replies, limits));
  const server = stack.use(await composedServer({ ...fakeSettings(wire, provider.url), ...settings }));
  stack.defer(failureTeller(server).read);
  const held = stack.move();
  return { ...modelParts(provider, server), lines: server.lines, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The same as a process that can crash. */
export async function modelServerProcess({ wire, replies, settings = {}, limits = {} }: Options) {
  await using stack = new AsyncDisposableStack();
  const provider = stack.use(await fakeProvider(wire, replies, limits));
  const quick = { CORRAL_DRIVER: 'memory', CORRAL_RATE_LIMIT_PER_MINUTE: '0' };
  const server = stack.use(await serverProcess({ ...quick, ...fakeSettings(wire, provider.url), ...settings }));
  const held = stack.move();
  return {
    ...modelParts(provider, server),
    /** Kills the server as a crash would, and starts it again on the same data. */
    async crash(more: Record<string, string> = {}): Promise<void> {
      server.kill('SIGKILL');
      await server.restart(more);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function modelParts(provider: FakeProvider, server: { readonly url: string; readonly data: string }) {
  const client = api(server.url);
  return {
    url: server.url,
    provider,
    client,
    /** A new session, with its log as it is stored; a session of a project makes no plan. */
    async session({ plans = true, budget }: { readonly plans?: boolean; readonly budget?: object } = {}) {
      const id = budget
        ? await withBudget(server.url, budget)
        : plans
          ? await client.create()
          : await ofProject(server.url);
      const log = () => storedEvents(server.data, id);
      const of = <Type extends FactType>(type: Type) =>
        log().filter((event): event is Extract<SessionEvent, { type: Type }> => event.type === type);
      return {
        id,
        log,
        of,
        send: (message: string, mode?: string, attachments: readonly string[] = []) =>
          client.send(id, message, mode, attachments),
        reaches: (type: FactType, count = 1) => reaches(() => of(type).length >= count),
      };
    },
    async upload(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
      const form = new FormData();
      form.append('file', new Blob([bytes]), name);
      const answer = await fetch(`${server.url}/api/v1/files`, { method: 'POST', body: form });
      return ((await answer.json()) as { data: { file_id: string } }).data.file_id;
    },
  };
}

async function ofProject(url: string): Promise<string> {
  using client = openClient(url, 'ws');
  const { id: projectId } = await client.projects.create.mutate({ name: 'Project' });
  return (await client.sessions.create.mutate({ projectId })).id;
}

export const requestText = ({ body }: FakeRequest): string => JSON.stringify(body);

/** A session that its creator limits. */
async function withBudget(url: string, budget: object): Promise<string> {
  const response = await fetch(`${url}/api/v1/sessions`, { method: 'PUT', body: JSON.stringify({ budget }) });
  return ((await response.json()) as { data: { session_id: string } }).data.session_id;
}
