import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type PreviewLinks, previewHostLabel, previewTokenPattern } from '../../api/procedure/preview-links.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { poll } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { nobodyPrincipal, type Principal } from '../../core/model/principal.ts';
import type { ClientResolver } from '../../http/guard/clients.ts';
import type { CallerCredentialRegistry } from '../../http/guard/credentials.ts';
import type { RateLimiter } from '../../http/guard/rate-limit.ts';
import type { PortService, PreviewView } from '../../sessions/api/ports.ts';
import type { Services } from '../../sessions/api/services.ts';
import { createPreviewCookies } from '../shared/previews/cookies.ts';
import {
  destroyOnAbort,
  relayRequest,
  relayUpgrade,
  withoutCallerCredentials,
  withoutHopByHopHeaders,
} from '../shared/previews/port-relay.ts';
import { sendWorkspaceFile } from './files.ts';
import {
  opaqueOriginHeaders,
  rewriteHeadersForPath,
  rewriteHeadersForSubdomain,
  toUpstreamHeaders,
} from './headers.ts';
import {
  createNoListenerPage,
  createRefusedPortPage,
  createRelayFailurePage,
  type PreviewErrorPage,
  previewErrorPages,
  refuseUpgrade,
  sendPreviewErrorPage,
} from './pages.ts';
import type { MatchedPreview } from './target.ts';

export interface PreviewServerDeps {
  readonly ports: Pick<PortService, 'opened'>;
  readonly servicesOf: (principal: Principal) => Pick<Services, 'ports' | 'streams' | 'sandboxes'>;
  readonly links: PreviewLinks;
  readonly credentials: CallerCredentialRegistry;
  readonly clients: ClientResolver;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly closing: AbortSignal;
}
interface OpenedPreview {
  readonly view: PreviewView;
  readonly token: string;
  readonly principal: Principal;
}
/** How often, in ms, the server checks whether an open connection's preview has been closed. */
const pollMs = 2_000;

export async function servePreview(
  target: MatchedPreview,
  request: IncomingMessage,
  response: ServerResponse,
  deps: PreviewServerDeps,
) {
  const { headers, byHost, of, sid, url } = target;
  const no = (refusal: PreviewErrorPage) => sendPreviewErrorPage(response, headers, refusal);
  const client = deps.clients.of(request);
  const scheme = deps.links.schemeOf(client.scheme);
  if (!byHost && isPreflight(request, headers)) return void response.writeHead(204, opaqueOriginHeaders).end();
  if (!byHost && headers['service-worker'] !== undefined) return no(previewErrorPages.worker);
  const opened = await open(target, client.address, deps);
  if ('status' in opened) return no(opened);
  if (byHost && target.isShown && isNavigation(request, headers))
    return enter(target, { ...opened, scheme }, response, deps);
  const left = new AbortController();
  response.once('close', () => left.abort());
  using ending = watchEnd(target, opened, deps, left.signal);
  using _ = destroyOnAbort(ending.signal, response);
  const { ports, streams, sandboxes } = deps.servicesOf(opened.principal);
  if (of === 'files') {
    const { state } = await sandboxes.status(sid);
    if (state !== 'running') return no(previewErrorPages.resting);
    const found = await sendWorkspaceFile(
      { target, request, response, signal: ending.signal },
      {
        id: sid,
        streams,
        folder: opened.view.folder,
      },
    );
    return found ? undefined : no(previewErrorPages.noFile);
  }
  if (url === '' || url.startsWith('?'))
    return redirect(response, `/previews/${previewHostLabel({ of }, sid)}/${opened.token}/${url}`);
  const dialled = await ports.connect(sid, of, ending.signal).catch(toRefusal(of));
  if ('status' in dialled) return no(dialled);
  const base = `/previews/${previewHostLabel({ of }, sid)}/${opened.token}`;
  await relayRequest({
    connection: dialled,
    request,
    response,
    ...forProgram(target, scheme, deps),
    signal: ending.signal,
    changed: (raw) => (byHost ? rewriteHeadersForSubdomain(raw, of) : rewriteHeadersForPath(raw, of, base)),
    failed: (how) => no(createRelayFailurePage(of, how)),
  });
}

export async function servePreviewUpgrade(
  target: MatchedPreview,
  request: IncomingMessage,
  socket: Duplex,
  deps: PreviewServerDeps,
) {
  const { of, sid, headers } = target;
  const client = deps.clients.of(request);
  const scheme = deps.links.schemeOf(client.scheme);
  const own = `${scheme}://${headers.host}`;
  // Browsers send cookies with WebSocket requests from any page.
  const isForeign = target.byHost && !target.isShown && headers.origin !== undefined && headers.origin !== own;
  if (of === 'files' || isForeign)
    return refuseUpgrade(socket, isForeign ? previewErrorPages.foreign : previewErrorPages.noFile);
  const opened = await open(target, client.address, deps);
  if ('status' in opened) return refuseUpgrade(socket, opened);
  const left = new AbortController();
  socket.once('close', () => left.abort());
  using ending = watchEnd(target, opened, deps, left.signal);
  using _ = destroyOnAbort(ending.signal, socket);
  const { ports } = deps.servicesOf(opened.principal);
  const dialled = await ports.connect(sid, of, ending.signal).catch(toRefusal(of));
  if ('status' in dialled) return refuseUpgrade(socket, dialled);
  await relayUpgrade({
    connection: dialled,
    client: socket,
    ...forProgram(target, scheme, deps),
    changed: (raw) => (target.byHost ? rewriteHeadersForSubdomain(raw, of) : withoutHopByHopHeaders(raw)),
    failed: (how) => refuseUpgrade(socket, createRelayFailurePage(of, how)),
  });
}

function forProgram(target: MatchedPreview, scheme: 'http' | 'https', { credentials }: PreviewServerDeps) {
  const kept = withoutCallerCredentials(target, credentials.isOurs);
  return { path: kept.url === '' ? '/' : kept.url, headers: toUpstreamHeaders(kept, scheme) };
}

async function open(
  target: MatchedPreview,
  address: string,
  deps: PreviewServerDeps,
): Promise<OpenedPreview | PreviewErrorPage> {
  const { credentials, limiter } = deps;
  const found = await find(target, deps);
  if (found !== 'closed' && found !== 'wrong')
    return limiter.take(found.view.id).exceeded ? previewErrorPages.busy : found;
  if (credentials.count(undefined, address)?.exceeded) return previewErrorPages.busy;
  // A wrong cookie does not count as a guess: open pages keep sending the cookies of previews that are no longer valid.
  if (found === 'wrong' && target.isShown) {
    if (credentials.failed(address) > 0) return previewErrorPages.locked;
    credentials.audit({
      principal: nobodyPrincipal,
      action: 'preview.enter',
      target: target.sid,
      outcome: 'unauthorized',
    });
  }
  return previewErrorPages.closed;
}

async function find(
  { sid, of, tokens }: MatchedPreview,
  { ports, links }: PreviewServerDeps,
): Promise<OpenedPreview | 'closed' | 'wrong'> {
  const wellFormed = tokens.filter((token) => previewTokenPattern.test(token));
  if (wellFormed.length === 0) return tokens.length === 0 ? 'closed' : 'wrong';
  const all = await ports.opened(sid).catch(() => []);
  let isKnown = false;
  for (const token of wellFormed) {
    const view = all.find((one) => one.id === previewTokenPattern.exec(token)?.[1] && one.of === of);
    if (!view) continue;
    isKnown = true;
    const principal = await links.findMaker(sid, view, token);
    if (principal) return { view, token, principal };
  }
  return isKnown ? 'wrong' : 'closed';
}

function enter(
  target: MatchedPreview,
  { view, token, principal, scheme }: OpenedPreview & { readonly scheme: 'http' | 'https' },
  response: ServerResponse,
  deps: PreviewServerDeps,
): void {
  const { clock, credentials } = deps;
  const seconds = Math.max(1, Math.ceil((view.expiresAt - clock.now()) / 1_000));
  credentials.audit({ principal, action: 'preview.enter', target: target.sid, outcome: 'done' });
  response.setHeader('set-cookie', createPreviewCookies(token, { seconds, isSecure: scheme === 'https' }));
  // Two leading slashes would redirect to another host.
  redirect(response, target.url.replace(/^[/\\]+/, '/'));
}
function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end();
}

const isPreflight = ({ method }: IncomingMessage, headers: MatchedPreview['headers']) =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
const isNavigation = ({ method }: IncomingMessage, headers: MatchedPreview['headers']) =>
  method === 'GET' && headers['sec-fetch-mode'] === 'navigate';

const toRefusal =
  (port: number) =>
  (thrown: unknown): PreviewErrorPage => {
    const { code, publicMessage } = toAppError(thrown);
    if (code === 'not_found') return createNoListenerPage(port);
    if (code === 'forbidden') return createRefusedPortPage(publicMessage);
    if (code === 'sandbox_not_found') return previewErrorPages.resting;
    if (code === 'session_not_found') return previewErrorPages.closed;
    throw thrown;
  };

function watchEnd(
  target: MatchedPreview,
  { view, principal }: OpenedPreview,
  deps: PreviewServerDeps,
  left: AbortSignal,
) {
  const { clock, closing, ports } = deps;
  const closed = new AbortController();
  const stopped = new AbortController();
  const watching = combineSignals([left, stopped.signal]);
  const look = async () => {
    const all = await ports.opened(target.sid).catch(() => []);
    return all.some(({ id }) => id === view.id) ? undefined : true;
  };
  const ended = poll(look, { everyMs: pollMs, firstMs: pollMs, clock }, watching);
  ended.then(() => closed.abort()).catch(() => {});
  const signals = [left, closed.signal, closing, ...(principal.ended ? [principal.ended] : [])];
  return { signal: combineSignals(signals), [Symbol.dispose]: () => stopped.abort() };
}
