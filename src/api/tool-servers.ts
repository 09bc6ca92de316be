import { z } from 'zod';
import { Secret } from '../core/text/secret.ts';
import * as stored from '../sessions/api/server/tool-servers.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { awaitOkResult, IsoTime, okOperationFields } from './procedure/schemas.ts';

// Responses never contain header values.

const ToolServerAnswer = stored.ToolServerTestResult.extend({ at: IsoTime });
const ToolServer = stored.ListedToolServer.extend({ state: ToolServerAnswer.nullable() });
const ToolServers = z.object({ servers: z.array(ToolServer).readonly() });
const SignInAddress = z.object({
  /** The sign-in page, from which the browser returns with `code` and `state`. */
  address: z.string(),
});

const Name = z.string().min(1).max(100);
const entered = {
  url: z.string().min(1).max(2_000),
  /** Default: the stored headers, if the address stays the same. */
  headers: z.record(z.string().max(100), z.string().max(8_192)).optional(),
  tools: z
    .array(
      z
        .string()
        .min(1)
        .max(200)
        .refine((text) => !text.includes('\0')),
    )
    .min(1)
    .max(100)
    .optional(),
  timeoutSeconds: z.number().min(1).max(3_600).optional(),
};
const answer = {
  state: z.string().min(1).max(200),
  code: z.string().min(1).max(4_096),
  /** The authorization server's `iss`, if it sends one. */
  issuer: z.string().max(2_000).optional(),
};
const ToolServerName = z.strictObject({ name: Name });
const PutToolServer = z.strictObject({ name: Name, ...entered });
const changes = {
  newName: Name.optional(),
  url: entered.url.optional(),
  /** Null removes a header. Other headers are kept if the address does not change. */
  headers: z.record(z.string().max(100), z.string().max(8_192).nullable()).optional(),
  tools: entered.tools,
  timeoutSeconds: entered.timeoutSeconds,
};
const changesSomething = (input: object) =>
  Object.entries(input).some(([key, value]) => key !== 'name' && value !== undefined);
const nothing = 'Name at least one of newName, url, headers, tools and timeoutSeconds.';
const ToolServerChanges = z.strictObject(changes).refine(changesSomething, nothing);
const ChangeToolServer = z.strictObject({ name: Name, ...changes }).refine(changesSomething, nothing);
/** Default for `url`: the stored server's address. */
const TestToolServer = z.strictObject({ name: Name, ...entered, url: entered.url.optional() });
const TestedAddress = TestToolServer.omit({ name: true });
const BeginSignIn = z.strictObject({
  /** The address to which the browser returns. Must use https or be on localhost. */
  returnTo: z.string().min(1).max(2_000),
});
const BeginSignInTo = z.strictObject({ name: Name, ...BeginSignIn.shape });
const EndSignInTo = z.strictObject({ name: Name, ...answer });

const enteredChanges = ({
  newName,
  headers,
  ...rest
}: z.output<typeof ToolServerChanges>): stored.ToolServerChanges => ({
  ...rest,
  name: newName,
  headers:
    headers &&
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value === null ? null : new Secret(value.trim())]),
    ),
});
type TestWish = z.output<typeof TestedAddress>;
const enteredAddress = ({ headers, ...rest }: TestWish & { readonly url: string }): stored.ToolServerInput => ({
  ...rest,
  headers:
    headers && Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, new Secret(value.trim())])),
});
const testedAddress = ({ url, ...rest }: TestWish): stored.ToolServerInput | undefined =>
  url === undefined ? undefined : enteredAddress({ url, ...rest });

const exampleAnswer: z.output<typeof ToolServerAnswer> = {
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
  state: exampleAnswer,
};
const bodyExample = { url: example.at, headers: { Authorization: 'Bearer the-key' } };
const forAdmins = 'For the role admin.';

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server' });
const base = '/api/v1/tool-servers';
const one = { out: ToolServer, answer: example };
const removed = { schema: z.object({ removed: z.literal(true) }), value: { removed: true } };

export const toolServersRouter = router({
  list: operation({
    rest: `GET ${base}`,
    id: 'toolServers',
    summary: 'List the tool servers of all sessions, with their last answers',
    description: `${forAdmins} Servers from the settings come first.`,
    may: 'admin',
    out: ToolServers,
    answer: { servers: [example] },
    fails: [401, 403],
  }).query(async ({ ctx }) => ({ servers: await ctx.services.toolServers.list() })),
  put: operation({
    ...one,
    rest: `PUT ${base}/:name`,
    id: 'putToolServer',
    summary: 'Store a tool server and list its tools; replaces the one of that name',
    description: `${forAdmins} It applies immediately to new sessions, and to others from their next turn.`,
    may: 'admin',
    in: PutToolServer,
    example: bodyExample,
    fails: [400, 401, 403, 409, 413, 422],
  }).mutation(
    async ({ ctx, input: { name, ...values } }) =>
      await ctx.services.toolServers.put(name, enteredAddress(values), ctx.signal),
  ),
  change: operation({
    ...one,
    rest: `PATCH ${base}/:name`,
    id: 'changeToolServer',
    summary: 'Change a stored tool server, and list its tools',
    description: `${forAdmins} Omitted fields are unchanged, and null removes a header. Stored headers are not sent to any other address.`,
    may: 'admin',
    in: ChangeToolServer,
    body: ToolServerChanges,
    example: { tools: ['search_*'], headers: { Authorization: 'Bearer the-next-key', 'x-old-key': null } },
    fails: [400, 401, 403, 404, 409, 413, 422],
  }).mutation(
    async ({ ctx, input: { name, ...changes } }) =>
      await ctx.services.toolServers.change(name, enteredChanges(changes), ctx.signal),
  ),
  test: operation({
    rest: `POST ${base}/:name/test`,
    id: 'testToolServer',
    summary: 'List the tools of a tool server; stores nothing',
    description: `${forAdmins} Without \`url\`, tests the stored server of that name.`,
    may: 'admin',
    in: TestToolServer,
    out: ToolServerAnswer,
    example: bodyExample,
    answer: exampleAnswer,
    fails: [401, 403, 404, 413, 422],
  }).mutation(
    async ({ ctx, input: { name, ...values } }) =>
      await ctx.services.toolServers.test(name, testedAddress(values), ctx.signal),
  ),
  remove: operation({
    rest: `DELETE ${base}/:name`,
    id: 'removeToolServer',
    summary: 'Remove a tool server with its headers and its sign-in',
    description: `${forAdmins} Sessions lose its tools with their next turn.`,
    may: 'admin',
    in: ToolServerName,
    ...okOperationFields,
    reply: removed,
    fails: [401, 403, 404, 422],
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.toolServers.remove(input.name))),
  beginSignIn: operation({
    rest: `POST ${base}/:name/sign-in`,
    id: 'beginToolServerSignIn',
    summary: 'Begin a sign-in (OAuth) to a tool server',
    description: `${forAdmins} A person opens the address in a browser, which is redirected back with \`code\` and \`state\`.`,
    may: 'admin',
    in: BeginSignInTo,
    out: SignInAddress,
    example: { returnTo: 'https://corral.example/' },
    answer: { address: 'https://docs.example/authorize?client_id=corral' },
    fails: [400, 401, 403, 404, 409, 413, 422, 501],
  }).mutation(async ({ ctx, input: { name, returnTo } }) => ({
    address: await ctx.services.toolServers.beginSignIn(name, returnTo, ctx.signal),
  })),
  endSignIn: operation({
    ...one,
    rest: `POST ${base}/:name/signed-in`,
    id: 'endToolServerSignIn',
    summary: 'Complete a sign-in with the code that the browser brought back',
    description: `${forAdmins} The access is stored encrypted, and renewed by the server.`,
    may: 'admin',
    in: EndSignInTo,
    example: { state: 'one-time-state', code: 'one-time-code' },
    fails: [400, 401, 403, 404, 409, 413, 422, 501],
  }).mutation(
    async ({ ctx, input: { name, ...values } }) => await ctx.services.toolServers.endSignIn(name, values, ctx.signal),
  ),
  signOut: operation({
    ...one,
    rest: `DELETE ${base}/:name/sign-in`,
    id: 'signOutOfToolServer',
    summary: 'Forget the access of the person who signed in to a tool server',
    description: forAdmins,
    may: 'admin',
    in: ToolServerName,
    fails: [401, 403, 404, 409, 422],
  }).mutation(async ({ ctx, input }) => await ctx.services.toolServers.signOut(input.name)),
});
