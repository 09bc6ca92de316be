import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CorralClient, createCorralClient } from '../../../client/index.ts';
import { combineSignals } from '../../../core/concurrency/cancel.ts';
import { isLoopback } from '../../settings/contradictions.ts';
import { evaluateInspection, type Finding } from './checks.ts';
import { buildInspectionScript, parseInspectionResults } from './look-inside.ts';

interface AttackTarget {
  readonly url: string;
  readonly token: string | undefined;
}
const scriptMs = 300_000;

/** Changes nothing outside the new sandbox, and sends nothing to other machines. */
export async function runAttack({ url, token }: AttackTarget, signal: AbortSignal): Promise<Finding[]> {
  await using bait = await layBait();
  using corral = createCorralClient({ url, transport: 'ws', ...(token && { token }) });
  const { id: sessionId } = await corral.sessions.create.mutate({ title: 'doctor --attack' });
  try {
    const { hostname, port, protocol } = new URL(url);
    const serverPort = Number(port || (protocol === 'https:' ? 443 : 80));
    const script = buildInspectionScript({ canary: bait.title, canaryFile: bait.file, serverPort });
    const inside = evaluateInspection(
      parseInspectionResults(await printed(corral, { sessionId, command: script }, signal)),
    );
    await printed(corral, { sessionId, command: `ln -sfn '${bait.file}' link` }, signal);
    const answers = await probeServer({ url, token, sessionId, hostFile: bait.file }, signal);
    const about = { hasToken: token !== undefined, isLoopback: isLoopback(hostname), secret: bait.secret };
    return [...inside, ...evaluateServerProbes(answers, about)];
  } finally {
    await corral.sessions.delete.mutate({ id: sessionId });
  }
}

async function printed(
  corral: CorralClient,
  { sessionId, command }: { readonly sessionId: string; readonly command: string },
  signal: AbortSignal,
): Promise<string> {
  return (await corral.sandbox.exec.mutate({ sessionId, command, timeoutMs: scriptMs }, { signal })).stdout;
}

async function layBait() {
  const nonce = () => randomBytes(8).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'corral-doctor-'));
  await chmod(folder, 0o755); // a sandbox without isolation may run as another user
  const [file, secret] = [join(folder, 'secret'), nonce()];
  await writeFile(file, secret, { mode: 0o644 });
  const before = process.title;
  process.title = `corral-doctor-${nonce()}`;
  return {
    file,
    secret,
    title: process.title,
    async [Symbol.asyncDispose]() {
      process.title = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface ServerFacts {
  readonly hasToken: boolean;
  readonly isLoopback: boolean;
  readonly secret: string;
}
interface Check {
  readonly name: string;
  readonly against: readonly string[];
  readonly holds: string;
  readonly advice: string;
  judge(
    answers: ProbeResponses,
    about: ServerFacts,
  ): { readonly state: 'broken' | 'weak'; readonly text: string } | undefined;
}

const isOpen = ({ status }: { readonly status: number }) => (status >= 200 && status < 400) || status === 101;
const broken = (text: string) => ({ state: 'broken', text }) as const;
const weak = (text: string) => ({ state: 'weak', text }) as const;

export const serverChecks: readonly Check[] = [
  {
    name: 'server-needs-a-token',
    against: ['CVE-2026-112346', 'CVE-2026-86124', 'CVE-2026-22812 (servers without keys)'],
    holds: 'no access without a valid token',
    advice: 'Set CORRAL_TOKEN, or create keys: ./corral keys create.',
    judge(answers, { hasToken, isLoopback }) {
      const names: ProbeName[] = [
        'without a token',
        'with a wrong token',
        'its health without a token',
        'its metrics without a token',
      ];
      const open = names.filter((name) => isOpen(answers[name]));
      if (open.length === 0) return undefined;
      if (hasToken || !isLoopback) return broken(`the server answers ${open.join(', ')}`);
      return weak('every program on this machine can use the server');
    },
  },
  {
    name: 'server-checks-the-host',
    against: ['DNS rebinding'],
    holds: 'another name for this server is refused, or needs a token',
    advice: 'Listen on loopback, or set CORRAL_TOKEN; list only your own hosts in CORRAL_ALLOWED_HOSTS.',
    judge(answers, { isLoopback }) {
      if (isOpen(answers['under another Host, without a token']))
        return broken('any site can rebind its name to this server’s address');
      if (isLoopback && isOpen(answers['under another Host'])) return weak('it accepts any Host with a valid token');
      return undefined;
    },
  },
  {
    name: 'server-checks-the-origin',
    against: ['CVE-2026-22812', 'cross-site requests', 'cross-site WebSockets'],
    holds: 'pages of other sites cannot change anything or open a socket',
    advice: 'List only your own origins in CORRAL_CORS_ORIGINS; make proxies forward the Origin header.',
    judge(answers) {
      const names: ProbeName[] = ['a change from another site', 'a socket from another site'];
      const passed = names.filter((name) => ![401, 403, 0].includes(answers[name].status));
      return passed.length > 0 ? broken(`it admits ${passed.join(' and ')}`) : undefined;
    },
  },
  {
    name: 'server-shares-no-answers',
    against: ['CORS with credentials', 'CVE-2026-22812'],
    holds: 'pages of other sites cannot read responses',
    advice: 'List only your own origins in CORRAL_CORS_ORIGINS; remove CORS headers that a proxy adds.',
    judge(answers) {
      const { headers } = answers['a list from another site'];
      const allowed = headers['access-control-allow-origin'];
      if (allowed === undefined) return undefined;
      const isWhole = headers['access-control-allow-credentials'] === 'true' || allowed !== '*';
      return isWhole
        ? broken(`every site can read its responses (${String(allowed)})`)
        : weak('every site can read its responses');
    },
  },
  {
    name: 'server-keeps-to-the-workspace',
    against: ['path traversal', 'CVE-2026-39861 (links out of the workspace)'],
    holds: 'no path or link leads to a file of this machine',
    advice: 'Update Corral, and report this as described in SECURITY.md.',
    judge(answers, { secret }) {
      const names: ProbeName[] = ['a file by its path', 'a file above the workspace', 'a file behind a link'];
      const read = names.filter((name) => answers[name].text.includes(secret));
      return read.length > 0 ? broken(`it serves a file of this machine: ${read.join(', ')}`) : undefined;
    },
  },
  {
    name: 'server-closes-the-forwarder',
    against: ['ports of sandboxes that are open to strangers'],
    holds: 'a sandbox’s forwarder cannot be reached by its public name',
    advice: 'Update Corral; until then set CORRAL_E2B_FACADE=off, and revoke the credentials of its sessions.',
    judge(answers) {
      const { status, text } = answers['the forwarder of a sandbox'];
      const isForwarder = isOpen({ status }) || /proxy|egress/i.test(text);
      return isForwarder ? broken('a stranger can use the sandbox’s credentials') : undefined;
    },
  },
];

export function evaluateServerProbes(answers: ProbeResponses, about: ServerFacts): Finding[] {
  return serverChecks.map(({ name, against, holds, advice, judge }): Finding => {
    const wrong = judge(answers, about);
    return wrong ? { check: name, against, ...wrong, advice } : { check: name, against, state: 'ok', text: holds };
  });
}

/** `status` is 0 if there was no response. */
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
  /** A session whose workspace contains `link`, a symlink to `hostFile`. */
  readonly sessionId: string;
  readonly hostFile: string;
}

const evil = 'evil.example';
const patienceMs = 20_000;
const maxText = 4_096;

/** No request changes anything, even on a server that accepts it. */
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

/** Uses `node:http`, because `fetch` overwrites Host and rejects an Upgrade header. */
function send(
  url: string,
  { method = 'GET', path, headers = {}, body }: ProbeRequest,
  signal: AbortSignal,
): Promise<ProbeResponse> {
  const { promise, resolve } = Promise.withResolvers<ProbeResponse>();
  const until = combineSignals([signal, AbortSignal.timeout(patienceMs)]);
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
