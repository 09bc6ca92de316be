import { z } from 'zod';
import {
  BeginSignIn,
  EndSignIn,
  EnteredToolServer,
  enteredAddress,
  enteredChanges,
  SignInAddress,
  shownAnswer,
  shownToolServer,
  TestedAddress,
  ToolServer,
  ToolServerAnswer,
  ToolServerChanges,
  ToolServerName,
  ToolServers,
  testedAddress,
} from '../../api/views/tool-servers.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { Services } from '../../sessions/api/services.ts';
import { about } from './about.ts';

const base = '/api/v1/tool-servers';
const one = `${base}/:name`;
const Removed = z.object({ removed: z.literal(true) });
const answer: z.output<typeof ToolServerAnswer> = {
  ok: true,
  at: '2026-11-24T12:00:00.000Z',
  tools: [{ name: 'search_pages', title: 'Search', description: 'Finds pages of the guide.' }],
  message: '',
};
const example: z.output<typeof ToolServer> = {
  name: 'docs',
  kind: 'address',
  at: 'https://docs.example/mcp',
  headers: ['Authorization'],
  tools: ['*'],
  timeoutSeconds: 60,
  from: 'page',
  setBy: null,
  templates: [],
  signIn: 'none',
  state: answer,
};
const bodyExample = { url: example.at, headers: { Authorization: 'Bearer the-key' } };
const forAdmins = 'For the role admin.';

/** The tool servers (MCP) of all sessions. Their headers are stored encrypted, and never shown again. */
export function mountToolServers(app: App, servers: Services['toolServers']): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(ToolServers, { servers: [example] }) } },
      config: {
        doc: about('toolServers', 'List the tool servers of all sessions, with their last answers', {
          description: `${forAdmins} Those of the settings come first.`,
          fails: [401, 403],
        }),
        least: 'admin',
      },
    },
    async () => ({ servers: (await servers.list()).map(shownToolServer) }),
  );
  app.put(
    one,
    {
      schema: { params: ToolServerName, body: EnteredToolServer, response: { 200: ok(ToolServer, example) } },
      config: {
        doc: about('putToolServer', 'Store a tool server and ask it for its tools; replaces the one of that name', {
          description: `${forAdmins} It counts at once in new sessions, and in others from their next turn on.`,
          bodyExample,
          fails: [400, 401, 403, 409, 413, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params, body }, reply) =>
      shownToolServer(await servers.put(params.name, enteredAddress(body), abortOnDisconnect(reply))),
  );
  app.patch(
    one,
    {
      schema: { params: ToolServerName, body: ToolServerChanges, response: { 200: ok(ToolServer, example) } },
      config: {
        doc: about('changeToolServer', 'Change a tool server that was entered, and ask it for its tools', {
          description: `${forAdmins} What is absent stays as it is, and null removes a header. Stored headers go to no other address.`,
          bodyExample: { tools: ['search_*'], headers: { Authorization: 'Bearer the-next-key', 'x-old-key': null } },
          fails: [400, 401, 403, 404, 409, 413, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params, body }, reply) =>
      shownToolServer(await servers.change(params.name, enteredChanges(body), abortOnDisconnect(reply))),
  );
  app.post(
    `${one}/test`,
    {
      schema: { params: ToolServerName, body: TestedAddress, response: { 200: ok(ToolServerAnswer, answer) } },
      config: {
        doc: about('testToolServer', 'Ask a tool server for its tools; stores nothing', {
          description: `${forAdmins} Without \`url\` the one of that name is asked.`,
          bodyExample,
          fails: [401, 403, 404, 413, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params, body }, reply) =>
      shownAnswer(await servers.test(params.name, testedAddress(body), abortOnDisconnect(reply))),
  );
  app.delete(
    one,
    {
      schema: { params: ToolServerName, response: { 200: ok(Removed, { removed: true }) } },
      config: {
        doc: about('removeToolServer', 'Remove a tool server with its headers and its sign-in', {
          description: `${forAdmins} Sessions lose its tools with their next turn.`,
          fails: [401, 403, 404, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params }) => {
      await servers.remove(params.name);
      return { removed: true as const };
    },
  );
  mountSignIns(app, servers);
}

function mountSignIns(app: App, servers: Services['toolServers']): void {
  app.post(
    `${one}/sign-in`,
    {
      schema: {
        params: ToolServerName,
        body: BeginSignIn,
        response: { 200: ok(SignInAddress, { address: 'https://docs.example/authorize?client_id=corral' }) },
      },
      config: {
        doc: about('beginToolServerSignIn', 'Begin a sign-in (OAuth) to a tool server', {
          description: `${forAdmins} A person opens the address in a browser, which comes back with \`code\` and \`state\`.`,
          bodyExample: { returnTo: 'https://corral.example/' },
          fails: [400, 401, 403, 404, 409, 413, 422, 501],
        }),
        least: 'admin',
      },
    },
    async ({ params, body }, reply) => ({
      address: await servers.beginSignIn(params.name, body.returnTo, abortOnDisconnect(reply)),
    }),
  );
  app.post(
    `${one}/signed-in`,
    {
      schema: { params: ToolServerName, body: EndSignIn, response: { 200: ok(ToolServer, example) } },
      config: {
        doc: about('endToolServerSignIn', 'Take the code that the browser brought back from a sign-in', {
          description: `${forAdmins} The access is stored encrypted, and renewed by the server.`,
          bodyExample: { state: 'one-time-state', code: 'one-time-code' },
          fails: [400, 401, 403, 404, 409, 413, 422, 501],
        }),
        least: 'admin',
      },
    },
    async ({ params, body }, reply) =>
      shownToolServer(await servers.endSignIn(params.name, body, abortOnDisconnect(reply))),
  );
  app.delete(
    `${one}/sign-in`,
    {
      schema: { params: ToolServerName, response: { 200: ok(ToolServer, example) } },
      config: {
        doc: about('signOutOfToolServer', 'Forget the access of the person who signed in to a tool server', {
          description: forAdmins,
          fails: [401, 403, 404, 409, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params }) => shownToolServer(await servers.signOut(params.name)),
  );
}
