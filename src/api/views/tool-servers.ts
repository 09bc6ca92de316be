import { z } from 'zod';
import { Secret } from '../../core/text/secret.ts';
import type {
  ToolServerAnswer as AnswerOfServer,
  ToolServerChanges as Changes,
  EnteredAddress,
  ListedToolServer,
} from '../../sessions/api/server/tool-servers.ts';

// The tool servers (MCP) of all sessions, as clients see and change them. Nothing answers with a header's value.

export const ToolServerAnswer = z.object({
  ok: z.boolean(),
  at: z.iso.datetime(),
  /** In the words of the tool server. */
  tools: z.array(z.object({ name: z.string(), title: z.string().nullable(), description: z.string() })).readonly(),
  /** Why it cannot be used; empty when it answered. */
  message: z.string(),
});
export const ToolServer = z.object({
  name: z.string(),
  /** `program`: it runs in the sandbox of each session. */
  kind: z.enum(['address', 'program']),
  /** The address, or the program's command. */
  at: z.string(),
  /** The names of its headers. */
  headers: z.array(z.string()).readonly(),
  /** Globs of the tools that agents can call. */
  tools: z.array(z.string()).readonly(),
  timeoutSeconds: z.number(),
  from: z.enum(['settings', 'page']),
  /** The variable or the key of corral.yaml that precedes what people entered; null: none does. */
  setBy: z.string().nullable(),
  /** The templates that have a server of this name, which precedes in their sessions. */
  templates: z.array(z.string()).readonly(),
  /** `wanted`: the server refused a caller without access, so a person can try to sign in. */
  signIn: z.enum(['none', 'wanted', 'done']),
  /** The last answer to this server; null: nobody has asked since it started. */
  state: ToolServerAnswer.nullable(),
});
export const ToolServers = z.object({ servers: z.array(ToolServer).readonly() });
export const SignInAddress = z.object({
  /** The person opens it in a browser, and comes back with `code` and `state`. */
  address: z.string(),
});

const Name = z.string().min(1).max(100);
const entered = {
  url: z.string().min(1).max(2_000),
  /** Without them the stored ones are used, where the address stays the same. */
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
  /** `iss`, where the authorization server says it. */
  issuer: z.string().max(2_000).optional(),
};
export const ToolServerName = z.strictObject({ name: Name });
export const EnteredToolServer = z.strictObject(entered);
export const PutToolServer = z.strictObject({ name: Name, ...entered });
const changes = {
  /** The next name. */
  newName: Name.optional(),
  url: entered.url.optional(),
  /** By their names; null removes one, and those that are not named stay, where the address does. */
  headers: z.record(z.string().max(100), z.string().max(8_192).nullable()).optional(),
  tools: entered.tools,
  timeoutSeconds: entered.timeoutSeconds,
};
const changesSomething = (given: object) =>
  Object.entries(given).some(([key, value]) => key !== 'name' && value !== undefined);
const nothing = 'Name at least one of newName, url, headers, tools and timeoutSeconds.';
/** Absent fields stay as they are. */
export const ToolServerChanges = z.strictObject(changes).refine(changesSomething, nothing);
export const ChangeToolServer = z.strictObject({ name: Name, ...changes }).refine(changesSomething, nothing);
/** Without an address: the one of that name. */
export const TestToolServer = z.strictObject({ name: Name, ...entered, url: entered.url.optional() });
export const TestedAddress = TestToolServer.omit({ name: true });
export const BeginSignIn = z.strictObject({
  /** The page to which the browser returns, at https or on localhost. */
  returnTo: z.string().min(1).max(2_000),
});
export const BeginSignInTo = z.strictObject({ name: Name, ...BeginSignIn.shape });
export const EndSignIn = z.strictObject(answer);
export const EndSignInTo = z.strictObject({ name: Name, ...answer });

export const shownToolServer = ({ state, ...rest }: ListedToolServer): z.output<typeof ToolServer> => ({
  ...rest,
  state: state && shownAnswer(state),
});
export const shownAnswer = ({ at, ...rest }: AnswerOfServer): z.output<typeof ToolServerAnswer> => ({
  ...rest,
  at: new Date(at).toISOString(),
});

export const enteredChanges = ({ newName, headers, ...rest }: z.output<typeof ToolServerChanges>): Changes => ({
  ...rest,
  name: newName,
  headers:
    headers &&
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value === null ? null : new Secret(value.trim())]),
    ),
});
type TestWish = z.output<typeof TestedAddress>;
export const enteredAddress = ({ headers, ...rest }: TestWish & { readonly url: string }): EnteredAddress => ({
  ...rest,
  headers:
    headers && Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, new Secret(value.trim())])),
});
/** Undefined: no address is given, so the stored one is meant. */
export const testedAddress = ({ url, ...rest }: TestWish): EnteredAddress | undefined =>
  url === undefined ? undefined : enteredAddress({ url, ...rest });
