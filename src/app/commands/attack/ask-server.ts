import http from 'node:http';
import https from 'node:https';

/** Status 0: there was no response, for example because the server closed the connection. */
export interface ProbeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}
export type ProbeName = keyof ReturnType<typeof questionsAbout>;
export type ProbeResponses = Readonly<Record<ProbeName, ProbeResponse>>;

interface ProbeRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
interface ProbeTarget {
  readonly url: string;
  readonly token: string | undefined;
  /** A session whose workspace has `link`, a link to `hostFile`. */
  readonly sessionId: string;
  readonly hostFile: string;
}

const evil = 'evil.example';
const patienceMs = 20_000;
const maxText = 4_096;

/** None of the requests changes anything, even on a server that accepts them. */
function questionsAbout({ url, token, sessionId, hostFile }: ProbeTarget) {
  const known: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const list = '/api/v1/sessions';
  const origin = `http://${evil}`;
  const file = (path: string): ProbeRequest => ({
    method: 'POST',
    path: `${list}/${sessionId}/file`,
    headers: known,
    body: { file: path },
  });
  const { port } = new URL(url);
  return {
    'without a token': { path: list },
    'with a wrong token': { path: list, headers: { authorization: 'Bearer wrong-on-purpose' } },
    'its health without a token': { path: '/health/detailed' },
    'its metrics without a token': { path: '/metrics' },
    'under another Host': { path: list, headers: { ...known, host: evil } },
    'under another Host, without a token': { path: list, headers: { host: evil } },
    'a change from another site': {
      method: 'POST',
      path: `${list}/${'f'.repeat(16)}/stop`,
      headers: { ...known, origin },
    },
    'a list from another site': { path: list, headers: { ...known, origin } },
    'a socket from another site': {
      path: '/trpc',
      headers: {
        ...known,
        origin,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'Y29ycmFsLWRvY3Rvci1hIQ==',
      },
    },
    'the forwarder of a sandbox': { path: '/', headers: { host: `3128-${sessionId}.localhost:${port}` } },
    'a file by its path': file(hostFile),
    'a file above the workspace': file(`../../../../../../..${hostFile}`),
    'a file behind a link': file('link'),
  } as const satisfies Record<string, ProbeRequest>;
}

export async function probeServer(about: ProbeTarget, signal: AbortSignal): Promise<ProbeResponses> {
  const answers: [string, ProbeResponse][] = [];
  for (const [name, requested] of Object.entries(questionsAbout(about)))
    answers.push([name, await send(about.url, requested, signal)]);
  return Object.fromEntries(answers) as ProbeResponses;
}

/** Uses `node:http` instead of `fetch`, which overwrites Host and rejects an Upgrade header. */
function send(
  url: string,
  { method = 'GET', path, headers = {}, body }: ProbeRequest,
  signal: AbortSignal,
): Promise<ProbeResponse> {
  const { promise, resolve } = Promise.withResolvers<ProbeResponse>();
  const until = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  const { request } = url.startsWith('https:') ? https : http;
  const clientRequest = request(`${url}${path}`, { method, headers, signal: until, agent: false });
  const none = { status: 0, headers: {}, text: '' };
  clientRequest.on('error', () => resolve(none));
  clientRequest.on('upgrade', (_response, socket) => {
    socket.destroy();
    resolve({ ...none, status: 101 });
  });
  clientRequest.on('response', (response) => {
    let text = '';
    const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    response.setEncoding('utf8').on('error', done).on('end', done);
    response.on('data', (chunk: string) => {
      text += chunk.slice(0, maxText - text.length);
    });
  });
  clientRequest.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
