import type { ClientRequest, IncomingMessage, InformationEvent, ServerResponse } from 'node:http';
import { limitInterimResponses } from '../../core/concurrency/interim-answers.ts';
import { isValidReasonPhrase } from '../../core/text/text.ts';
import type { EgressClient } from './client.ts';
import { searchResponse } from './credentials/searched-answer.ts';
import { createTextCutoffFilter } from './credentials/withhold.ts';
import { countHeadBytes, keepEndToEndHeaders, withoutHeaders } from './heads.ts';
import { pipeFiltered } from './pipe-filtered.ts';
import { EgressRefusal } from './refusal.ts';
import type { EgressTarget } from './target.ts';

interface AnswerContext {
  readonly client: EgressClient;
  readonly target: EgressTarget;
  readonly res: ServerResponse;
  /** Secrets that the response must not contain. If absent, the response is not searched. */
  readonly secrets?: readonly Buffer[];
  /** If false, cookies are removed, because they could grant access beyond the credential. */
  readonly hasCookies?: boolean;
}
const cookies = new Set(['set-cookie', 'set-cookie2']);

export const echoedSecretRule = 'credential: the answer repeats it';
export const unsearchableResponseRule = 'credential: the answer cannot be searched';

/** Sends the standard reason phrase. Resolves once the response is sent or the sandbox disconnects. */
export function forwardResponse(
  outgoing: ClientRequest,
  { client, target, res, secrets = [], hasCookies = true }: AnswerContext,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  res.once('close', resolve);
  let isRead = () => false;
  let isRefused = false;
  const cut = () => void client.socket.destroy(); // a truncated response must not look like a complete one
  const reject = (why: string) => {
    if (isRefused) return;
    isRefused = true;
    if (res.headersSent) cut();
    else sendEgressRefusal(res.setHeader('Connection', 'close'), EgressRefusal.failed(target, why, false));
    outgoing.destroy();
  };
  const broken = (error: Error) => {
    if (isRead()) return; // the response is complete; the server only dropped the remaining upload
    reject(`the server's answer was cut off (${error.message})`);
  };
  const repeats = () => {
    client.tell(target, 'refused', echoedSecretRule);
    if (!res.headersSent) return reject('its answer repeats a credential');
    res.destroy();
    outgoing.destroy();
  };
  const pass = (incoming: IncomingMessage) => {
    const fault = findResponseFault(incoming);
    if (fault) return reject(fault);
    const found = secrets.length > 0 ? searchResponse(incoming, { method: outgoing.method, secrets }) : undefined;
    if (found?.kind === 'repeats') return repeats();
    if (found?.kind === 'unsearchable') {
      client.tell(target, 'refused', unsearchableResponseRule);
      return reject(found.why);
    }
    const body = found?.body ?? incoming;
    if (body !== incoming) body.on('error', cut);
    const headers = found?.headers ?? keepEndToEndHeaders(incoming);
    res.writeHead(incoming.statusCode ?? 502, hasCookies ? headers : withoutHeaders(headers, cookies));
    body.on('data', (chunk: Buffer) => client.count(chunk.length));
    pipeFiltered(body, res, found && createTextCutoffFilter(secrets, repeats));
  };
  limitInterimResponses(outgoing);
  outgoing.on('information', ({ rawHeaders }: InformationEvent) => client.count(countHeadBytes({ rawHeaders })));
  outgoing.on('error', broken);
  // Node does not report an unrequested protocol change as an error
  outgoing.once('close', () => broken(new Error('it changed the protocol without a request')));
  outgoing.once('response', (incoming) => {
    client.count(countHeadBytes(incoming));
    isRead = () => incoming.complete;
    incoming.on('error', broken);
    try {
      pass(incoming);
    } catch {
      reject('its answer is malformed');
    }
  });
  return promise;
}

/** Finds faults that the HTTP parser accepts. */
export function findResponseFault({ statusCode = 0, statusMessage = '' }: IncomingMessage): string | undefined {
  if (statusCode < 200) return `its answer has the status ${statusCode}`;
  return isValidReasonPhrase(statusMessage) ? undefined : 'its status line has control characters';
}

export function waitForResponse(outgoing: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  limitInterimResponses(outgoing);
  outgoing.on('error', reject); // the listener stays for later errors, which the response body reports
  outgoing.once('close', () => reject(new Error('The server closed the connection without a response.')));
  outgoing.once('response', (incoming) => {
    const fault = findResponseFault(incoming);
    if (fault) reject(new Error(fault));
    else resolve(incoming);
  });
  return promise;
}

export function sendEgressRefusal(res: ServerResponse, refusal: EgressRefusal): void {
  if (res.destroyed || res.headersSent) return;
  res.writeHead(refusal.status, refusal.reason, { 'Content-Type': 'text/plain; charset=utf-8' });
  res.end(`${refusal.text}\n`);
}
