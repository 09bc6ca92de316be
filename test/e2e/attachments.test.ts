import { expect, test } from 'vitest';
import { fakeRefs } from '../support/fake-models/models.ts';
import { type FakeRequest, fakeKey, fakeProvider } from '../support/fake-models/server.ts';
import { serverProcess } from '../support/server-process.ts';
import { openStream } from '../support/sse-client.ts';

// A user's files, from the upload to the provider's wire and to the workspace.

const settings = {
  anthropic: (url: string) => ({ ANTHROPIC_API_KEY: fakeKey, CORRAL_MODELS_ANTHROPIC_BASE_URL: url }),
  openai: (url: string) => ({ OPENAI_API_KEY: fakeKey, CORRAL_MODELS_OPENAI_BASE_URL: url }),
};
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function reply({ body }: FakeRequest) {
  const said = JSON.stringify(body);
  if (!said.includes('On it.')) {
    return { calls: [{ name: 'make_plan', args: { title: 'Look', steps: ['Look'], acknowledgement: 'On it.' } }] };
  }
  const path = /attachments\/[0-9a-f]{8}-notes\.txt/.exec(said)?.[0] ?? 'none';
  if (!said.includes('the secret word')) return { calls: [{ name: 'file_read', args: { file: path } }] };
  return { text: 'Seen.' };
}

test.each(['anthropic', 'openai'] as const)(
  'with %s the model sees a picture in the first turn, and reads another file at the path in the message',
  { timeout: 120_000 },
  async (wire) => {
    await using provider = await fakeProvider(wire, reply);
    const env = { CORRAL_DRIVER: 'memory', CORRAL_MODEL: fakeRefs[wire], ...settings[wire](provider.url) };
    await using server = await serverProcess(env);
    const upload = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
      const form = new FormData();
      form.append('file', new Blob([bytes]), name);
      const answer = await fetch(`${server.url}/api/v1/files`, { method: 'POST', body: form });
      return ((await answer.json()) as { data: { file_id: string } }).data.file_id;
    };
    const picture = await upload('dot.bin', new Uint8Array(Buffer.from(png, 'base64')));
    const notes = await upload('notes.txt', new TextEncoder().encode('the secret word\n'));
    const sessions = `${server.url}/api/v1/sessions`;
    const made = (await (await fetch(sessions, { method: 'PUT' })).json()) as { data: { session_id: string } };
    const body = { message: 'Look at these', attachments: [picture, notes, 'src/main.c'], mode: 'queue' };
    using stream = await openStream(`${sessions}/${made.data.session_id}/chat`, { method: 'POST', body });
    await stream.ended;
    const first = JSON.stringify(provider.requests[0]?.body);
    expect(first, server.output()).toContain(png);
    expect(first).toContain('src/main.c');
    expect(JSON.stringify(provider.requests.at(-1)?.body)).toContain('the secret word');
    expect(provider.refusals).toEqual([]);
  },
);
