import type { ToolServerFetchFactory } from '../../agents/mcp/connect.ts';
import type { ToolServerState, ToolServerStates } from '../../agents/mcp/states.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { McpServer, RemoteToolServer } from '../../core/model/tool-server.ts';
import { Secret } from '../../core/text/secret.ts';
import type { TemplateService } from '../api/server/templates.ts';
import type {
  ListedToolServer,
  ToolServerChanges,
  ToolServerInput,
  ToolServerService,
  ToolServerTestResult,
} from '../api/server/tool-servers.ts';
import {
  type SavedToolServer,
  type ToolServerRecords,
  toolServerConflictError,
  unknownToolServerError,
} from './entered.ts';
import type { ToolServerOAuthClient } from './sign-in.ts';

// The functions below validate fields that users enter. Each function throws invalid_request with advice.

const nameForm = /^[a-z][a-z0-9]{0,23}$/;
const headerForm = /^[A-Za-z0-9-]{1,100}$/;
const valueForm = /^[\x20-\x7e]{1,8192}$/;
const maxHeaders = 20;
const maxUrl = 2_000;
const taken =
  /^(host|connection|content-length|content-type|transfer-encoding|upgrade|te|trailer|expect|accept|last-event-id|mcp-.*)$/i;

function checkedName(name: string, field = 'name'): string {
  if (nameForm.test(name)) return name;
  throw new AppError(
    'invalid_request',
    'A name must have 1 to 24 lowercase letters and digits, and begin with a letter.',
    { field },
  );
}

function checkedUrl(text: string): string {
  const url = URL.parse(text.trim());
  const isPlain = url?.username === '' && url.password === '' && url.hash === '';
  if (url && isPlain && /^https?:$/.test(url.protocol) && text.length <= maxUrl) return url.href;
  const target = 'The address must be like https://tools.example.com/mcp, without a user and a fragment.';
  throw new AppError('invalid_request', `${target} Set programs in corral.yaml, a template or a session.`, {
    field: 'url',
  });
}

function checkedHeaders(input: Readonly<Record<string, Secret>>): Record<string, string> {
  const all = Object.entries(input);
  if (all.length > maxHeaders) throw new AppError('invalid_request', `At most ${maxHeaders} headers are allowed.`);
  const names = new Set<string>();
  for (const [name, value] of all) {
    if (!headerForm.test(name) || taken.test(name) || names.has(name.toLowerCase())) {
      throw new AppError('invalid_request', `'${name.slice(0, 100)}' cannot be sent as a header of a tool server.`, {
        field: 'header',
      });
    }
    names.add(name.toLowerCase());
    if (!valueForm.test(value.reveal())) {
      const text = `The value of ${name} must have 1 to 8,192 printable ASCII characters, because it is sent in a header.`;
      throw new AppError('invalid_request', text, { field: 'secret' });
    }
  }
  return Object.fromEntries(all.map(([name, value]) => [name, value.reveal()]));
}

/** Throws if a stored header would go to a new address. */
function changedHeaders(
  stored: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, Secret | null>>,
  { isSameAddress }: { readonly isSameAddress: boolean },
): Record<string, string> {
  const named = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const kept = Object.entries(stored).filter(([name]) => !named.has(name.toLowerCase()));
  if (kept.length > 0 && !isSameAddress) {
    const names = kept.map(([name]) => name).join(', ');
    const text = `The address changes, and the stored value of ${names} is not sent to a new address. Enter it again, or remove it.`;
    throw new AppError('invalid_request', text, { field: 'secret' });
  }
  const entered = Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  return checkedHeaders(
    Object.fromEntries([...kept.map(([name, value]) => [name, new Secret(value)] as const), ...entered]),
  );
}

function checkedReturn(text: string): string {
  const url = URL.parse(text);
  const isLocal = url !== null && /^(localhost|127[.]0[.]0[.]1|\[::1\])$/.test(url.hostname);
  const isFit = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url && isFit && isPlain && text.length <= maxUrl) return url.href;
  const message =
    'Sign-in works only from a page at https or localhost: open the page there, or enter a key as a header.';
  throw new AppError('invalid_request', message);
}

interface Deps {
  readonly entered: ToolServerRecords;
  readonly signIns: ToolServerOAuthClient;
  /** Tool servers from the settings, which take precedence over tool servers entered by users. */
  readonly settings: readonly McpServer[];
  /** Variable or corral.yaml key that sets `settings`. */
  readonly setBy: string;
  readonly templates: Pick<TemplateService, 'list'>;
  readonly states: ToolServerStates;
  readonly reach: () => 'public' | 'private';
  readonly fetchFor: ToolServerFetchFactory;
  readonly clock: Clock;
  readonly newRevision: () => string;
}
const maxServers = 50;
const usualSeconds = 60;

export function createToolServerService(deps: Deps): ToolServerService {
  const { entered, signIns, settings, setBy, states, clock } = deps;
  const isSet = (name: string) => settings.some((server) => server.name === name);

  function view(server: McpServer, from: 'settings' | 'page'): ListedToolServer {
    const { name, tools, timeoutMs } = server;
    const isAddress = 'url' in server;
    const state = states.of(server);
    const isSignedIn = isAddress && server.token !== undefined;
    const wants = from === 'page' && state !== undefined && state.wantsAccess === true;
    return {
      name,
      kind: isAddress ? 'address' : 'program',
      at: isAddress ? shownAddress(server.url, from) : server.command,
      headers: isAddress ? Object.keys(server.headers).sort() : [],
      tools,
      timeoutSeconds: timeoutMs / 1_000,
      from,
      setBy: from === 'settings' || isSet(name) ? setBy : null,
      templates: deps.templates
        .list()
        .filter(({ mcp }) => mcp.servers?.some((one) => one.name === name))
        .map((template) => template.name),
      signIn: isSignedIn && !wants ? 'done' : wants ? 'wanted' : 'none',
      state: state ? answerOf(state) : null,
    };
  }
  const viewOf = (server: SavedToolServer) => view(entered.addressOf(server), 'page');

  /** Rejects: forbidden (the address is private). */
  async function ask(server: RemoteToolServer, signal: AbortSignal): Promise<ToolServerState> {
    // loaded on first use, because most Corral servers never need the MCP SDK
    const { checkToolServer } = await import('../../agents/mcp/check.ts');
    const { ok, tools, message, wantsAccess } = await checkToolServer(
      server,
      { fetch: deps.fetchFor(server), clock },
      signal,
    );
    return { ok, at: clock.now(), tools, message, wantsAccess };
  }

  function next(name: string, enteredAddress: ToolServerInput, now: SavedToolServer | undefined): SavedToolServer {
    const url = checkedUrl(enteredAddress.url);
    const kept = now?.url === url ? now.secrets : { headers: {} };
    const secrets = enteredAddress.headers === undefined ? kept : { headers: checkedHeaders(enteredAddress.headers) };
    return {
      name,
      url,
      reach: deps.reach(),
      tools: [...(enteredAddress.tools ?? ['*'])],
      timeoutMs: (enteredAddress.timeoutSeconds ?? usualSeconds) * 1_000,
      revision: deps.newRevision(),
      createdAt: now?.createdAt ?? clock.now(),
      secrets,
    };
  }

  /** Applies the changes but keeps the previous name. */
  function changed(
    now: SavedToolServer,
    { url: nextUrl, headers = {}, ...requested }: ToolServerChanges,
  ): SavedToolServer {
    const url = nextUrl === undefined ? now.url : checkedUrl(nextUrl);
    const isSameAddress = url === now.url;
    const hasOwnAccess = Object.entries(headers).some(
      ([name, value]) => name.toLowerCase() === 'authorization' && value !== null,
    );
    const { access } = now.secrets;
    return {
      ...now,
      url,
      reach: isSameAddress ? now.reach : deps.reach(),
      tools: [...(requested.tools ?? now.tools)],
      timeoutMs: requested.timeoutSeconds === undefined ? now.timeoutMs : requested.timeoutSeconds * 1_000,
      revision: deps.newRevision(),
      secrets: {
        headers: changedHeaders(now.secrets.headers, headers, { isSameAddress }),
        ...(access && isSameAddress && !hasOwnAccess && { access }),
      },
    };
  }

  function refuseSet(name: string, field = 'name'): void {
    if (!isSet(name)) return;
    const text = `${setBy} defines a tool server '${name}', which takes precedence. Choose another name, or change it there and restart the server.`;
    throw new AppError('invalid_request', text, { field });
  }

  async function known(name: string): Promise<SavedToolServer> {
    const found = await entered.find(name);
    if (!found) throw unknownToolServerError(name);
    return found;
  }

  async function checked(server: SavedToolServer, signal: AbortSignal): Promise<ListedToolServer> {
    const address = entered.addressOf(server);
    states.note(address, await ask(address, signal));
    return view(address, 'page');
  }

  return {
    async list() {
      const own = await entered.list();
      return [...settings.map((server) => view(server, 'settings')), ...own.map(viewOf)];
    },
    async put(name, enteredAddress, signal) {
      checkedName(name);
      refuseSet(name);
      const all = await entered.list();
      const before = all.find((one) => one.name === name);
      if (!before && all.length >= maxServers) {
        throw new AppError('conflict', `There are already ${maxServers} tool servers. Remove one first.`);
      }
      const server = next(name, enteredAddress, before);
      const reply = await ask(entered.addressOf(server), signal);
      // Reads the record again, because a user may have signed in during the check.
      const stored = await entered.change(name, (now) => ({
        ...next(name, enteredAddress, now),
        revision: server.revision,
      }));
      states.note(entered.addressOf(stored), reply);
      return viewOf(stored);
    },
    async change(name, changes, signal) {
      const to = checkedName(changes.name ?? name, 'newName');
      const before = await known(name);
      if (to !== name) {
        refuseSet(to, 'newName');
        if (await entered.find(to)) throw toolServerConflictError(to);
      }
      // Stored credentials are keyed by the previous name.
      const reply = await ask(entered.addressOf(changed(before, changes)), signal);
      const apply = (now: SavedToolServer | undefined): SavedToolServer => {
        if (!now) throw unknownToolServerError(name);
        return { ...changed(now, changes), name: to };
      };
      const stored = to === name ? await entered.change(name, apply) : await entered.rename(name, apply);
      states.note(entered.addressOf(stored), reply);
      return viewOf(stored);
    },
    async test(name, requested, signal) {
      try {
        if (requested) {
          const before = await entered.find(checkedName(name));
          return answerOf(await ask(entered.addressOf(next(name, requested, before)), signal));
        }
        const own = settings.find((server) => server.name === name);
        if (own && !('url' in own)) {
          const text = `${name} is a program that runs in the sandbox of each session. Start a session to see its tools.`;
          throw new AppError('unsupported', text);
        }
        const server = own ?? entered.addressOf(await known(name));
        const reply = await ask(server, signal);
        states.note(server, reply);
        return answerOf(reply);
      } catch (thrown) {
        signal.throwIfAborted();
        const { code, publicMessage } = toAppError(thrown);
        if (code === 'not_found') throw thrown;
        return { ok: false, at: clock.now(), tools: [], message: publicMessage };
      }
    },
    remove: (name) => entered.remove(name),
    async beginSignIn(name, returnTo, signal) {
      return await signIns.begin(name, checkedReturn(returnTo), signal);
    },
    async endSignIn(name, { state, code, issuer }, signal) {
      return await checked(await signIns.end(name, { state, code, issuer }, signal), signal);
    },
    signOut: async (name) => viewOf(await signIns.forget(name)),
  };
}

const answerOf = ({ ok, at, tools, message }: ToolServerState): ToolServerTestResult => ({
  ok,
  at,
  message,
  tools: tools.map(({ name, title, description }) => ({ name, title: title ?? null, description })),
});

/** The query of a URL from the settings can contain a key. */
function shownAddress(url: string, from: 'settings' | 'page'): string {
  if (from === 'page') return url;
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
