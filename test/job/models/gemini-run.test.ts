// @module-tag all
import { describe, expect, test } from 'vitest';
import {
  type FakeGemini,
  fakeGemini,
  functionCall,
  type GeminiReply,
  internalError,
  parts,
  text,
  tooManyRequests,
} from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const act = (...some: object[]): GeminiReply => ({ chunks: [parts(some), parts([{ text: '' }], 'STOP')] });
const say = (...deltas: string[]): GeminiReply => ({
  chunks: deltas.map((delta, n) => text(delta, n === deltas.length - 1 ? 'STOP' : undefined)),
});

/** The real server with the fake provider behind it; reads one chat to its end. */
async function chat(gemini: FakeGemini, message: string) {
  await using server = await serverProcess({
    CORRAL_DRIVER: 'memory',
    CORRAL_MODEL: 'gemini/gemini-2.5-flash',
    GEMINI_API_KEY: canaryKey,
    CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
  });
  const sessions = `${server.url}/api/v1/sessions`;
  const made = (await (await fetch(sessions, { method: 'PUT' })).json()) as { data: { session_id: string } };
  using stream = await openStream(`${sessions}/${made.data.session_id}/chat`, { method: 'POST', body: { message } });
  await stream.ended;
  // A server that stops leaves its sandboxes to the next server, and this test has no next server.
  await fetch(`${sessions}/${made.data.session_id}`, { method: 'DELETE' });
  const all = stream.events();
  return {
    raw: stream.raw(),
    output: server.output(),
    names: all.map(({ event }) => event),
    of: (name: string) => all.filter(({ event }) => event === name).map(({ data }) => data),
  };
}

describe('a run with Gemini', () => {
  test('plans, works in a sandbox and sums up, through a 429 and a 500', async () => {
    const plan = functionCall('make_plan', { title: 'Say hi', steps: ['Greet'], acknowledgement: 'On it.' }, 'plan==');
    const exec = functionCall('shell_exec', { id: 'main', command: 'echo hi' }, 'exec==');
    await using gemini = await fakeGemini([
      tooManyRequests('0.1s'),
      act(plan),
      internalError(),
      act(exec),
      say('It ', 'said hi.'),
      say('All ', 'done.'),
    ]);
    const { names, of, raw, output } = await chat(gemini, 'Please greet me');

    expect(names, raw + output).toContain('done');
    expect(of('title')).toMatchObject([{ title: 'Say hi' }]);
    expect(of('message').map(({ content }) => content)).toEqual(['On it.', 'It said hi.', 'All done.']);
    expect(of('tool').at(-1)).toMatchObject({ function: 'shell_exec', content: { console: [{ output: 'hi\n' }] } });
    expect(of('plan').at(-1).steps).toMatchObject([{ description: 'Greet', status: 'completed' }]);

    expect(gemini.requests).toHaveLength(6);
    const answered = JSON.stringify(gemini.requests[4]?.body.contents);
    expect(answered).toContain('"thoughtSignature":"plan=="');
    expect(answered).toContain('"functionResponse":{"name":"shell_exec","response":{"output":"hi\\n"}}');
    expect(raw + output).not.toContain(canaryKey);
  });

  test('refused by Gemini ends with the reason after one request', async () => {
    const error = { code: 400, message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT' };
    await using gemini = await fakeGemini([{ status: 400, error }]);
    const { of, raw } = await chat(gemini, 'Please greet me');
    expect(of('error'), raw).toMatchObject([{ error: expect.stringContaining('API key not valid') }]);
    expect(gemini.requests).toHaveLength(1);
  });
});
