import { Agent, createServer, type IncomingMessage, request, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { limitInterimResponses } from '../../../core/concurrency/interim-answers.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import {
  echoedSecretRule,
  findResponseFault,
  forwardResponse,
  sendEgressRefusal,
  unsearchableResponseRule,
} from '../answer.ts';
import type { EgressClient } from '../client.ts';
import { countHeadBytes } from '../heads.ts';
import type { UpstreamOpener } from '../open-upstream.ts';
import { refuseMisplacedPlaceholder } from '../plain-http.ts';
import { EgressRefusal } from '../refusal.ts';
import { type EgressTarget, parseHostPort } from '../target.ts';
import type { CertificateAuthority } from './authority.ts';
import {
  type Credential,
  findCredentials,
  findPlaceholder,
  keepFirstPerHeader,
  listEncodedForms,
} from './credential.ts';
import { isPossiblePush } from './git-requests.ts';
import {
  encodeForContentType,
  type InjectedRequest,
  injectCredentials,
  replacePlaceholdersInBody,
} from './replacement.ts';
import { type ResponseSearchResult, searchResponse } from './searched-answer.ts';
import { createFrameSearchFilter } from './websocket-search.ts';
import { createFilterStream, createTextCutoffStream } from './withhold.ts';

interface InterceptedTunnel {
  readonly client: EgressClient;
  readonly target: EgressTarget;
  readonly agent: Agent;
}

interface Tunnel {
  readonly client: EgressClient;
  readonly target: EgressTarget;
  readonly upstream: Duplex;
}

const maxTickets = 1_000;

/**
 * Uses the tunnel's own connection first. Resumes TLS sessions: a full handshake is half the work of a short request.
 * `trusted` is PEM.
 */
function upstreamAgents(trusted: string, open: UpstreamOpener) {
  // created for the first intercepted tunnel, because most Corral servers never intercept one
  let secureContext: SecureContext | undefined;
  const tickets = new Map<string, Buffer>();
  const keep = (key: string, ticket: Buffer) => {
    tickets.delete(key);
    tickets.set(key, ticket);
    const [oldest] = tickets.keys();
    if (tickets.size > maxTickets && oldest !== undefined) tickets.delete(oldest);
  };

  function secured({ client, target }: Tunnel, plain: Duplex): Promise<TLSSocket> {
    // A shared ticket would reveal to the host that two sandboxes belong together.
    const key = `${client.sessionId} ${target.host}:${target.port}`;
    const session = tickets.get(key);
    secureContext ??= createSecureContext({ ca: trusted });
    const tls = connect({
      socket: plain as never,
      host: target.host,
      servername: target.host,
      secureContext,
      ALPNProtocols: ['http/1.1'],
      ...(session && { session }),
    });
    tls.on('session', (ticket: Buffer) => keep(key, ticket));
    return new Promise((resolve, reject) => {
      tls.once('secureConnect', () => resolve(tls));
      tls.on('error', (error) => {
        tickets.delete(key);
        reject(error); // has no effect after the handshake, when `close` reports the end instead
      });
    });
  }

  return (tunnel: Tunnel): Agent => {
    const { client, target, upstream } = tunnel;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const again = async () => {
      const opened = await open(client, target);
      if (opened.kind === 'refused') throw new Error(opened.refusal.text);
      return await secured(tunnel, opened.upstream);
    };
    let first: Promise<TLSSocket> | undefined = secured(tunnel, upstream);
    first.catch(() => {}); // the first request reports the error
    agent.createConnection = ((_options: unknown, done: (error: Error | null, socket?: Duplex) => void) => {
      const ready = first?.then((socket) => (socket.destroyed ? again() : socket));
      first = undefined;
      void (ready ?? again()).then((socket) => done(null, socket), done);
      return undefined;
    }) as never;
    client.gone.addEventListener('abort', () => agent.destroy(), { once: true });
    return agent;
  };
}

export interface EgressCredentialOptions {
  /** Most specific first. Never rejects. */
  readonly of: (session: SessionId) => readonly Credential[] | Promise<readonly Credential[]>;
  readonly authority: CertificateAuthority;
  readonly trusted: string;
}

export function createTunnelInterceptor({ of, authority, trusted }: EgressCredentialOptions, open: UpstreamOpener) {
  const agentOf = upstreamAgents(trusted, open);
  const tunnels = new WeakMap<Duplex, InterceptedTunnel>();
  const http = createServer({ maxHeaderSize: 65_536, requireHostHeader: false, keepAliveTimeout: 60_000 });
  Object.assign(http, { httpAllowHalfOpen: true }); // documented, but missing in the types
  const ofSocket = (socket: Duplex) => tunnels.get(socket) as InterceptedTunnel;
  http.on('request', (req, res) => {
    const bound = ofSocket(req.socket);
    void bound.client.inOrder(() => pass(bound, req, res)).catch(() => req.socket.destroy());
  });
  http.on('upgrade', (req, socket, head) => {
    const bound = ofSocket(socket);
    const opened = async () => {
      bound.client.count(countHeadBytes(req));
      const all = checkUpgrade(bound, req) ?? (await filled(bound, req));
      if (all instanceof EgressRefusal) socket.end(all.asHttp());
      else await relayUpgrade(bound, { req, socket, head, ...all });
    };
    void bound.client.inOrder(opened).catch(() => socket.destroy());
  });
  http.on('clientError', (_error, socket) => socket.destroy());

  async function pass(bound: InterceptedTunnel, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { client, target, agent } = bound;
    client.count(countHeadBytes(req));
    const all = await filled(bound, req);
    if (all instanceof EgressRefusal) return sendEgressRefusal(res, all);
    req.on('data', (chunk: Buffer) => client.count(chunk.length)).pause();
    const { headers, body } = await replacePlaceholdersInBody(req, all);
    const outgoing = request({
      agent,
      setHost: false,
      method: req.method ?? 'GET',
      path: req.url ?? '/',
      headers: [...headers],
    });
    if (Buffer.isBuffer(body)) outgoing.end(body);
    else body.pipe(outgoing);
    await forwardResponse(outgoing, { client, target, res, secrets: all.secrets, hasCookies: !all.isForGit });
    if (!outgoing.destroyed && !req.complete) outgoing.destroy();
  }

  async function filled(
    { client, target }: InterceptedTunnel,
    req: IncomingMessage,
  ): Promise<InjectedRequest | EgressRefusal> {
    // looked up for each request, because a credential can be revoked at any time
    const all = await of(client.sessionId);
    const ofHost = findCredentials(all, target);
    const here = ofHost.filter(({ admits }) => admits?.(req.method, req.url ?? '', target) ?? true);
    const credentials = [...keepFirstPerHeader(here), ...here.filter(({ replaces }) => replaces)];
    const requested = parseHostPort(req.headers.host ?? '', target.port);
    if (requested?.host !== target.host || !/^[/*]/.test(req.url ?? '')) {
      client.tell(target, 'refused', 'HTTP Host differs');
      return EgressRefusal.of(target, `its tunnel carries a request for another host`, 'Open one tunnel per host.');
    }
    const misplaced = findPlaceholder(
      req,
      all.filter((one) => !here.includes(one)),
    );
    if (misplaced) return refuseMisplacedPlaceholder(client, target, misplaced);
    // Pushing to another repository, even with the sandbox's own credential, could exfiltrate this session's work.
    if (
      isPossiblePush(req.url ?? '') &&
      ofHost.some(({ isForGit }) => isForGit) &&
      !here.some(({ isForGit }) => isForGit)
    ) {
      client.tell(target, 'refused', 'credential: no push to this repository');
      const advice = 'Push to a repository of this session, to which it may write.';
      return EgressRefusal.of(target, 'this session may not push to that repository', advice);
    }
    if (ofHost.length === 0) {
      client.tell(target, 'refused', 'credential: revoked');
      return EgressRefusal.of(target, 'its credential was revoked', 'Open a new connection, which does not use it.');
    }
    const values = await Promise.all(
      credentials.map(async (one) => [one, (await one.value()).reveal()] as const),
    ).catch(() => undefined);
    if (!values) {
      client.tell(target, 'refused', 'credential: its value cannot be read');
      return EgressRefusal.of(
        target,
        'its credential has no value',
        'Bind it again, or ask the operator about egress.credentials.',
      );
    }
    const use = ({ name }: Credential) => client.tell(target, 'allowed', `credential: ${name}`);
    const fixed = values.filter(([{ replaces }]) => !replaces);
    for (const [one] of fixed) use(one);
    const replacements = (place: 'header' | 'body') =>
      values
        .filter(([{ replaces }]) => replaces?.[place])
        .map(([one, value]) => ({ placeholder: one.placeholder, value, onUse: () => use(one) }));
    const type = req.headers['content-type'];
    return {
      isForGit: credentials.some(({ isForGit }) => isForGit),
      headers: injectCredentials(req, target, { fixed, replacements: replacements('header') }),
      body: replacements('body').map((one) => ({ ...one, value: encodeForContentType(type, one.value) })),
      secrets: values.flatMap(([one, value]) => listEncodedForms(one, value)),
    };
  }

  return {
    serve(tunnel: Tunnel): void {
      const { client, target } = tunnel;
      client.helloBegins();
      const socket = new TLSSocket(client.socket as never, {
        isServer: true,
        secureContext: authority.contextFor(target.host),
        ALPNProtocols: ['http/1.1'],
        SNICallback: (name, done) =>
          name.toLowerCase() === target.host ? done(null) : done(new Error(`TLS name differs: ${name}`)),
      });
      socket.on('error', () => client.socket.destroy());
      socket.once('secure', () => client.helloDone());
      socket.once('close', () => client.socket.destroy());
      tunnels.set(socket, { client, target, agent: agentOf(tunnel) });
      http.emit('connection', socket);
    },
  };
}

interface Upgrade extends InjectedRequest {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Protocols other than WebSocket cannot be searched for secrets. Undefined if allowed. */
function checkUpgrade({ client, target }: InterceptedTunnel, { method, headers }: IncomingMessage) {
  const hasBody = headers['transfer-encoding'] !== undefined || !/^0*$/.test(headers['content-length'] ?? '');
  if (headers.upgrade?.toLowerCase() === 'websocket' && method === 'GET' && !hasBody) return undefined;
  client.tell(target, 'refused', 'credential: not a WebSocket');
  const why = 'it has a credential, and the request upgrades to a protocol other than WebSocket';
  return EgressRefusal.of(target, why, 'Send the request without Upgrade.');
}

function relayUpgrade(
  { client, target, agent }: InterceptedTunnel,
  { req, socket, head, headers, secrets }: Upgrade,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const outgoing = request({
    agent,
    setHost: false,
    method: 'GET',
    path: req.url ?? '/',
    headers: [...headers, 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
  });
  limitInterimResponses(outgoing);
  let isAnswered = false;
  const leave = () => void socket.destroy();
  const reject = (why: string) => {
    if (isAnswered) return leave();
    isAnswered = true;
    socket.end(EgressRefusal.failed(target, why, false).asHttp());
    outgoing.destroy();
  };
  const stop = (rule: string) => {
    client.tell(target, 'refused', rule);
    leave();
  };
  const begin = (incoming: IncomingMessage, more: readonly string[]): ResponseSearchResult | undefined => {
    client.count(countHeadBytes(incoming));
    const found = searchResponse(incoming, { method: 'GET', secrets });
    if (found.kind === 'searchable') {
      isAnswered = true;
      socket.write(formatHead(incoming.statusCode, [...found.headers, ...more]), 'latin1');
      return found;
    }
    client.tell(target, 'refused', found.kind === 'repeats' ? echoedSecretRule : unsearchableResponseRule);
    reject(found.kind === 'repeats' ? 'its answer repeats a credential' : found.why);
    return undefined;
  };
  socket.on('error', leave).once('close', () => {
    outgoing.destroy();
    resolve();
  });
  outgoing.on('error', (error) => reject(`the server's answer was cut off (${error.message})`));
  outgoing.once('response', (incoming) => {
    const fault = findResponseFault(incoming);
    if (fault) return reject(fault);
    const found = begin(incoming, ['Connection', 'close']);
    if (found?.kind !== 'searchable') return;
    const back = createTextCutoffStream(secrets, () => stop(echoedSecretRule));
    found.body.on('error', leave).on('data', (chunk: Buffer) => client.count(chunk.length));
    found.body.pipe(back).pipe(socket);
  });
  outgoing.once('upgrade', (incoming: IncomingMessage, upstream: Duplex, first: Buffer) => {
    upstream.on('error', leave).once('close', leave);
    socket.once('close', () => upstream.destroy());
    const { upgrade = '', 'sec-websocket-extensions': extensions } = incoming.headers;
    if (incoming.statusCode !== 101 || upgrade.toLowerCase() !== 'websocket' || extensions !== undefined) {
      client.tell(target, 'refused', unsearchableResponseRule);
      return reject('its answer changes the protocol without a request');
    }
    if (!begin(incoming, ['Connection', 'Upgrade', 'Upgrade', 'websocket'])) return;
    const back = createFilterStream(
      createFrameSearchFilter(secrets, (why) => stop(why === 'repeats' ? echoedSecretRule : unsearchableResponseRule)),
    );
    if (first.length > 0) back.write(first);
    if (head.length > 0) upstream.write(head);
    for (const one of [socket, upstream]) one.on('data', (chunk: Buffer) => client.count(chunk.length));
    upstream.pipe(back).pipe(socket);
    socket.pipe(upstream);
  });
  outgoing.end();
  return promise;
}

function formatHead(status = 502, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
