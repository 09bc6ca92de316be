import { expect, test } from 'vitest';
import { AgentsApi } from '../../../src/cli/worker/agents-api.ts';
import { runWorker } from '../../../src/cli/worker/worker.ts';

const secret = Buffer.from(JSON.stringify({ sessions_token: 'token' })).toString('base64url');
const item = { id: 'work_1', environment_id: 'env_1', data: { type: 'session', id: 'sesn_1' }, secret };
const refusal = (message: string) => ({ type: 'error', error: { type: 'authentication_error', message } });

test.each([
  ['of the same environment is refused', 'released because the key of this worker is no longer valid. It was revoked.'],
  ['still counts', 'another worker has it now.'],
])('a worker whose token is refused says why, where its key %s', async (key, expected) => {
  const messages: string[] = [];
  const ends = new AbortController();
  let polls = 0;
  const answer = (path: string, bearer: string): readonly [number, unknown] => {
    if (path.endsWith('/poll')) return [200, polls++ === 0 ? item : null];
    if (path.endsWith('/ack')) return [200, item];
    if (bearer === 'Bearer token') return [401, refusal('A valid key is needed.')];
    return key === 'still counts' ? [200, {}] : [401, refusal('It was revoked.')];
  };
  const ask = async (url: string | URL | Request, init?: RequestInit) => {
    const { authorization = '' } = (init?.headers ?? {}) as Record<string, string>;
    const [status, body] = answer(new URL(String(url)).pathname, authorization);
    await new Promise(setImmediate);
    return Response.json(body, { status });
  };
  const api = new AgentsApi({ url: 'http://queue', key: 'key', workerId: 'one', fetch: ask as typeof fetch });
  const say = (line: string) => {
    messages.push(line);
    if (line.startsWith('sesn_1')) ends.abort();
  };
  const boxes = { removeEnded: async () => 0 } as never;
  await runWorker({ api, environmentId: 'env_1', boxes, maxSessions: 1, maxIdleMs: 1, say }, ends.signal);
  expect(messages).toEqual(['The worker waits for sessions of env_1.', `sesn_1: ${expected}`]);
});
