import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { forwardResponse, sendEgressRefusal } from './answer.ts';
import type { EgressClient } from './client.ts';
import { type Credential, findPlaceholder } from './credentials/credential.ts';
import { createTextCutoffStream } from './credentials/withhold.ts';
import { countHeadBytes, keepEndToEndHeaders } from './heads.ts';
import type { UpstreamOpener } from './open-upstream.ts';
import { EgressRefusal } from './refusal.ts';
import { type EgressTarget, formatHostPort, parseHostPort } from './target.ts';

export async function forwardPlainRequest(
  { client, open, credentials }: { client: EgressClient; open: UpstreamOpener; credentials: readonly Credential[] },
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  client.active();
  client.count(countHeadBytes(req));
  const requested = parseTarget(client, req);
  if (requested instanceof EgressRefusal) return sendEgressRefusal(res, requested);
  const misplaced = findPlaceholder(req, credentials);
  if (misplaced) return sendEgressRefusal(res, refuseMisplacedPlaceholder(client, requested.target, misplaced));
  const opened = await open(client, requested.target);
  if (opened.kind === 'refused') return sendEgressRefusal(res, opened.refusal);

  const { upstream } = opened;
  const outgoing = request({
    createConnection: () => upstream,
    setHost: false,
    method: req.method ?? 'GET',
    path: requested.path,
    headers: requestHeaders(req, requested.target),
  });
  const answered = forwardResponse(outgoing, { client, target: requested.target, res });
  req.on('data', (chunk: Buffer) => client.count(chunk.length));
  if (credentials.length === 0) req.pipe(outgoing);
  else {
    const guard = createPlaceholderGuard(credentials, (credential) => {
      outgoing.destroy();
      sendEgressRefusal(res, refuseMisplacedPlaceholder(client, requested.target, credential));
    });
    req.pipe(guard).pipe(outgoing);
  }
  await answered;
  upstream.destroy();
  // The server responded early, so the request's remaining bytes have nowhere to go.
  if (!req.complete) client.farewell(new Uint8Array());
}

export function createPlaceholderGuard(
  credentials: readonly Credential[],
  found: (credential: Credential) => void,
): Transform {
  const texts = credentials.map(({ placeholder }) => Buffer.from(placeholder));
  return createTextCutoffStream(texts, (which) => found(credentials[which] as Credential));
}

export function refuseMisplacedPlaceholder(
  client: EgressClient,
  target: EgressTarget,
  { name }: Credential,
): EgressRefusal {
  client.tell(target, 'refused', `credential: ${name} is not bound to this host`);
  const advice = 'Send it only to the hosts of the credential.';
  return EgressRefusal.of(
    target,
    `the request has the placeholder of the credential '${name}', which is not bound to its host`,
    advice,
  );
}

function parseTarget(
  client: EgressClient,
  req: IncomingMessage,
): { target: EgressTarget; path: string } | EgressRefusal {
  const url = req.url ?? '';
  if (client.pinned) {
    const requested = parseHostPort(req.headers.host ?? '', client.pinned.port);
    if (requested?.host === client.pinned.host && requested.port === client.pinned.port && /^[/*]/.test(url)) {
      return { target: client.pinned, path: url };
    }
    const host = req.headers.host ?? 'none';
    client.tell(client.pinned, 'refused', 'HTTP Host differs');
    return EgressRefusal.of(
      client.pinned,
      `its tunnel carries a request for another host (${host})`,
      'Open one tunnel per host.',
    );
  }
  const match = /^http:\/\/([^/?#]+)([^#]*)/i.exec(url);
  const target = parseHostPort(match?.[1] ?? '', 80);
  if (!match || !target) {
    const advice = 'Use CONNECT host:port for TLS, an absolute http:// URL for plain HTTP, or SOCKS5.';
    return new EgressRefusal(400, `this is a proxy and does not understand that request. ${advice}`);
  }
  const rest = match[2] ?? '';
  return { target, path: rest.startsWith('/') ? rest : `/${rest}` };
}

function requestHeaders(req: IncomingMessage, target: EgressTarget): string[] {
  const host = target.port === 80 ? formatHostPort(target).replace(/:80$/, '') : formatHostPort(target);
  const headers = ['Host', host, ...keepEndToEndHeaders(req), 'Connection', 'close'];
  if (req.headers['transfer-encoding'] !== undefined) return [...headers, 'Transfer-Encoding', 'chunked'];
  const mayHaveBody = !['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE'].includes(req.method ?? '');
  if (req.headers['content-length'] === undefined && mayHaveBody) headers.push('Content-Length', '0');
  return headers;
}
