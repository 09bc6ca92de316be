import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../core/model/ids.ts';
import { toCanonicalAddress } from '../../core/text/address-range.ts';
import { EgressClient } from './client.ts';
import { createTunnelInterceptor, type EgressCredentialOptions } from './credentials/bound-tunnel.ts';
import { findCredentials } from './credentials/credential.ts';
import type { AddressRules } from './fetch/addresses.ts';
import { type AddressDialer, createConnector, type HostResolver } from './fetch/guarded-fetch.ts';
import {
  createUpstreamOpener,
  type EgressRuleSources,
  isAddressAllowed,
  readSessionRules,
  type UpstreamOpener,
  type UpstreamResult,
} from './open-upstream.ts';
import { forwardPlainRequest } from './plain-http.ts';
import { type PolicyEntry, parsePolicyEntry } from './policy.ts';
import { EgressRefusal } from './refusal.ts';
import {
  defaultEgressLimits,
  type EgressDecisionListener,
  type EgressLimits,
  SessionEgressState,
} from './session-state.ts';
import { readExactly, waitForData } from './streams.ts';
import { type EgressTarget, parseHostPort, toEgressTarget } from './target.ts';
import { proxyTunnel } from './tunnel.ts';

type OpenConnection = Extract<UpstreamResult, { kind: 'open' }>;

const version = 5;
const reply = (code: number): Uint8Array => Uint8Array.from([version, code, 0, 1, 0, 0, 0, 0, 0, 0]);
const unsupportedCommand = 7;
const unsupportedAddress = 8;

/** SOCKS5 (RFC 1928): only CONNECT, without authentication. Returns undefined after a refusal. */
async function socksConnect(
  client: EgressClient,
  open: UpstreamOpener,
): Promise<{ to: EgressTarget; open: OpenConnection } | undefined> {
  const { socket } = client;
  const [, methods = 0] = (await readExactly(socket, 2)) ?? [];
  const offered = methods > 0 ? await readExactly(socket, methods) : undefined;
  if (!offered?.includes(0)) return hangUp(client, Uint8Array.from([version, 0xff]));
  socket.write(Uint8Array.from([version, 0]));

  const [ver, command, , type] = (await readExactly(socket, 4)) ?? [];
  if (ver !== version) return hangUp(client, reply(1));
  if (command !== 1) return hangUp(client, reply(unsupportedCommand));
  const host = await readHost(client, type);
  const port = await readExactly(socket, 2);
  client.helloDone();
  if (!host || !port) return hangUp(client, reply(unsupportedAddress));

  const to = toEgressTarget(host, port.readUInt16BE());
  const opened = await open(client, to);
  if (opened.kind === 'refused') return hangUp(client, reply(opened.refusal.socksReply));
  socket.write(reply(0));
  return { to, open: opened };
}

async function readHost({ socket }: EgressClient, type: number | undefined): Promise<string | undefined> {
  if (type === 1) return (await readExactly(socket, 4))?.join('.');
  if (type === 4) {
    const words = (await readExactly(socket, 16))?.toString('hex').match(/.{4}/g)?.join(':');
    return words && toCanonicalAddress(words);
  }
  if (type !== 3) return undefined;
  const [length = 0] = (await readExactly(socket, 1)) ?? [];
  return length > 0 ? (await readExactly(socket, length))?.toString('latin1') : undefined;
}

function hangUp(client: EgressClient, last: Uint8Array): undefined {
  client.farewell(last);
  return undefined;
}

export interface EgressProxyOptions extends Omit<EgressRuleSources, 'extra'> {
  /**
   * Must not throw. Not called for repeats within a minute, or for refusals of Chromium's background requests. Above
   * 120 distinct decisions per minute, one call stands for the rest.
   */
  readonly onDecision: EgressDecisionListener;
  readonly clock: Clock;
  readonly extraRegistries?: readonly string[];
  readonly addresses?: AddressRules;
  readonly limits?: Partial<EgressLimits>;
  readonly credentials?: EgressCredentialOptions | undefined;
  readonly resolve?: HostResolver;
  readonly dial?: AddressDialer;
}

/** Mirrors the drivers' EgressHandler, which this layer must not import. */
export interface EgressProxy extends AsyncDisposable {
  serve(socket: Duplex, from: { id: SandboxId; sessionId: SessionId }): void;
  /** Closes open connections that the session's current rules refuse. */
  recheck(sessionId: SessionId): Promise<void>;
}

const sweepMs = 60_000;
const socksVersion = 5;

/** Serves HTTP, CONNECT and SOCKS5. Throws: invalid_request (a bad entry or range). */
export function createEgressProxy(options: EgressProxyOptions): EgressProxy {
  const { clock, onDecision } = options;
  const limits = { ...defaultEgressLimits, ...options.limits };
  const rules: EgressRuleSources = {
    readPolicy: (id) => options.readPolicy(id),
    readRegistries: (id) => options.readRegistries(id),
    allowedIn: async (id) => (await options.allowedIn?.(id)) ?? [],
    extra: (options.extraRegistries ?? []).map(entryOrThrow),
  };
  const open = createUpstreamOpener(rules, createConnector(options, limits.connectMs));
  const bound = options.credentials && createTunnelInterceptor(options.credentials, open);
  const readCredentials = async (client: EgressClient) => (await options.credentials?.of(client.sessionId)) ?? [];
  const sessions = new Map<SessionId, SessionEgressState>();
  const clients = new WeakMap<Duplex, EgressClient>();
  let swept = clock.now();
  let closed = false;

  const http = createServer({ maxHeaderSize: 16_384, requireHostHeader: false, keepAliveTimeout: 60_000 });
  Object.assign(http, { httpAllowHalfOpen: true }); // documented, but missing in the types
  /** An error, even from `readPolicy`, `resolve` or `dial`, ends only this connection. */
  const guard = (socket: Duplex, work: (client: EgressClient) => Promise<void>) => {
    const client = clients.get(socket);
    client?.helloDone();
    if (!client) socket.destroy();
    else void work(client).catch(() => socket.destroy());
  };

  http.on('request', (req, res) =>
    guard(req.socket, (client) =>
      client.inOrder(async () =>
        forwardPlainRequest({ client, open, credentials: await readCredentials(client) }, req, res),
      ),
    ),
  );
  http.on('connect', (req, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    guard(socket, (client) => client.inOrder(() => connect(client, req.url ?? '')));
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    const text = tooLarge
      ? 'the head of a request is larger than 16 KiB.'
      : 'that is neither an HTTP request nor SOCKS5.';
    if (socket.writable) clients.get(socket)?.farewell(new EgressRefusal(tooLarge ? 431 : 400, text));
  });

  async function connect(client: EgressClient, authority: string): Promise<void> {
    const to = client.pinned ? undefined : parseHostPort(authority);
    if (!to) return client.farewell(new EgressRefusal(400, 'CONNECT needs host:port.'));
    const credentials = await readCredentials(client);
    const opened = await open(client, to);
    if (opened.kind === 'refused') return client.farewell(opened.refusal);
    client.socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    await join(client, { to, open: opened, credentials });
  }

  async function join(
    client: EgressClient,
    { to, open, credentials }: Parameters<typeof proxyTunnel>[1],
  ): Promise<void> {
    if (bound && findCredentials(credentials, to).length > 0)
      bound.serve({ client, target: to, upstream: open.upstream });
    else await proxyTunnel(client, { to, open, credentials }, () => http.emit('connection', client.socket));
  }

  async function begin(client: EgressClient): Promise<void> {
    const { socket } = client;
    let first: Buffer | null = null;
    while (!first && !socket.readableEnded && !socket.destroyed) {
      await waitForData(socket);
      first = socket.read() as Buffer | null;
    }
    if (!first) return void socket.destroy();
    client.helloBegins();
    socket.unshift(first);
    if (first[0] !== socksVersion) return void http.emit('connection', socket);
    const credentials = await readCredentials(client);
    const requested = await socksConnect(client, open);
    if (requested) await join(client, { ...requested, credentials });
  }

  function ensureState(sessionId: SessionId): SessionEgressState {
    if (clock.now() - swept >= sweepMs) {
      swept = clock.now();
      for (const [id, state] of sessions) if (state.forgettable) sessions.delete(id);
    }
    const known = sessions.get(sessionId) ?? new SessionEgressState({ clock, limits, sessionId, onDecision });
    sessions.set(sessionId, known);
    return known;
  }

  return {
    serve(socket, { sessionId }) {
      socket.on('error', () => {}); // handled by the `close` event that follows
      if (closed) return void socket.destroy();
      const session = ensureState(sessionId);
      if (session.connections.size >= limits.connections) {
        const text = `this session has ${limits.connections} outbound connections, the maximum. Close some first.`;
        socket.end(new EgressRefusal(503, text).asHttp(), () => socket.destroy());
        return;
      }
      const client = new EgressClient(socket, { clock, limits, session, sessionId });
      clients.set(socket, client);
      guard(socket, begin);
    },
    async recheck(sessionId) {
      const state = sessions.get(sessionId);
      if (!state) return;
      state.changes += 1;
      for (const socket of [...state.connections]) {
        const { target, address } = clients.get(socket) ?? {};
        if (!target) continue; // no decision yet, so the new rules will apply
        const { verdictOn } = await readSessionRules(rules, sessionId, target);
        if (!isAddressAllowed(verdictOn(target), address)) socket.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      const left = [...sessions.values()].flatMap(({ connections }) => [...connections]);
      for (const socket of left) socket.destroy();
      await Promise.all(left.map((socket) => socket.closed || once(socket, 'close')));
    },
  };
}

function entryOrThrow(text: string): PolicyEntry {
  const entry = parsePolicyEntry(text);
  if (entry) return entry;
  throw new AppError('invalid_request', `egress.registries: "${text}" is not host, *.host or host:port.`);
}
