import { join } from 'node:path';
import WebSocket from 'ws';
import { createSecretSealer } from '../../../src/auth/vault.ts';
import { type Clock, systemClock } from '../../../src/core/contracts/clock.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { facadeDescriptors } from '../../../src/facades/list.ts';
import { createAgentConfigService } from '../../../src/sessions/projects/agent-config.ts';
import { createProjectService } from '../../../src/sessions/projects/projects.ts';
import { createProviderKeyStore } from '../../../src/sessions/projects/provider-keys.ts';
import { listSupportedProviders } from '../../../src/sessions/projects/providers.ts';
import { createUploadStore } from '../../../src/sessions/projects/uploads.ts';
import { createSideMessageService } from '../../../src/sessions/services/side-messages.ts';
import { openLocalBlobs } from '../../../src/storage/blobs/folder.ts';
import { templates } from '../agents/templates.ts';
import { type FakeOptions, fakeService } from '../egress/fake-service.ts';
import { anyMember } from '../egress/fake-services.ts';
import { temporaryFolder } from '../stores/store.ts';
import { testServer } from './http.ts';

interface Options {
  readonly clock?: Clock;
  readonly play?: FakeOptions['play'];
  readonly maxUploadBytes?: number;
  readonly profile?: 'current' | 'first';
  readonly baseUrls?: Record<string, string>;
  readonly compatible?: Record<string, { baseUrl: string }>;
}
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
type Body = any;
const newId = () => crypto.randomUUID();

/** The Opencodex facade over real HTTP, projects, files and keys; sessions and sandboxes are fakes. */
export async function opencodexServer({
  clock = systemClock,
  play,
  maxUploadBytes = 2 ** 20,
  profile = 'current',
  baseUrls = {},
  compatible = {},
}: Options = {}) {
  const folder = temporaryFolder();
  const fake = fakeService({ clock, ...(play && { play }) });
  const { records } = fake.store;
  const blobFolder = join(folder.path, 'files');
  const uploads = createUploadStore({
    records,
    blobs: await openLocalBlobs(blobFolder, 0),
    clock,
    newId,
    maxBytes: maxUploadBytes,
  });
  const providers = listSupportedProviders(compatible);
  const agents = createAgentConfigService({
    records,
    newId,
    templates,
    providers: async () => providers,
    model: 'demo',
  });
  const keys = createProviderKeyStore({
    records,
    vault: createSecretSealer([new Secret('ab'.repeat(32))]),
    clock,
    baseUrls,
    compatible,
    learn: () => {},
  });
  const projects = createProjectService({
    records,
    sessions: fake.sessions,
    agents,
    removeBelongings: uploads.deleteProject,
    people: anyMember,
    newId,
    clock,
  });
  const server = await testServer({
    clock,
    fake,
    config: { opencodex: { profile }, maxBodyBytes: 2 ** 20 },
    own: maxUploadBytes !== 2 ** 20 || Object.keys(compatible).length > 0,
    more: ({ services }) => ({
      services: Object.assign(services, { projects }),
      opencodex: {
        agents,
        providers,
        offered: async () => providers,
        uploads,
        keys,
        sideMessages: createSideMessageService({ records, clock, newId }),
        maxUploadBytes,
      },
    }),
  });
  const { url, port, app, others, lines, requests } = server;

  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    server.call(method, `/api/v1${path}`, body, headers);
  return {
    url,
    port,
    /** The bytes that the newest connection received. */
    bytesRead: () => [...server.sockets].at(-1)?.bytesRead ?? 0,
    fake,
    others,
    keys,
    routes: app.registered.filter(({ doc }) => doc?.tag === facadeDescriptors.opencodex.tag),
    lines,
    /** The requests that ended, with or without an answer. */
    requests,
    blobFolder,
    call,
    newProject: async (name = 'Website'): Promise<string> => (await call('POST', '/projects', { name })).body.id,
    async newChat(projectId?: string): Promise<string> {
      const project = projectId ?? (await call('POST', '/projects', { name: 'Website' })).body.id;
      return (await call('POST', `/chats?project_id=${project}`, {})).body.id;
    },
    stream: (sid: string, query = '') => streamOf(`ws://127.0.0.1:${port}/api/v1/chats/${sid}/stream${query}`),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

export type OpencodexServer = Awaited<ReturnType<typeof opencodexServer>>;

/** A real client that keeps everything it received. */
export function streamOf(address: string) {
  const socket = new WebSocket(address, 'corral');
  const frames: Body[] = [];
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const opened = Promise.withResolvers<void>();
  socket.on('message', (data) => void frames.push(JSON.parse(String(data))));
  socket.on('open', () => opened.resolve());
  socket.on('error', (error) => opened.reject(error));
  socket.on('close', (code, reason) => closed.resolve({ code, reason: String(reason) }));
  opened.promise.catch(() => {});
  return {
    frames,
    opened: opened.promise,
    closed: closed.promise,
    send: async (frame: unknown) => {
      await opened.promise;
      socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}
