import { expect, test } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import type { FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { modelServer } from '../../support/agents/model-server.ts';

// A user's files, from the upload to the provider's wire and to the workspace.

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function replies({ body }: FakeRequest) {
  const prompt = JSON.stringify(body);
  if (!prompt.includes('On it.')) {
    return { calls: [{ name: 'make_plan', args: { title: 'Look', steps: ['Look'], acknowledgement: 'On it.' } }] };
  }
  const path = /attachments\/[0-9a-f]{8}-notes\.txt/.exec(prompt)?.[0] ?? 'none';
  if (!prompt.includes('the secret word')) return { calls: [{ name: 'file_read', args: { file: path } }] };
  return { text: 'Seen.' };
}

test('the model sees a picture in the first turn, and reads another file at the path in the message', async () => {
  const images = JSON.stringify({ [fakeRefs.compatible]: { images: true } });
  await using it = await modelServer({ wire: 'compatible', replies, settings: { CORRAL_MODELS_CATALOG: images } });
  const picture = await it.upload('dot.bin', new Uint8Array(Buffer.from(png, 'base64')));
  const notes = await it.upload('notes.txt', new TextEncoder().encode('the secret word\n'));
  const session = await it.session();
  await session.send('Look at these', 'queue', [picture, notes, 'src/main.c']);
  await session.reaches('run.end');
  const { provider } = it;
  const first = JSON.stringify(provider.requests[0]?.body);
  expect(first).toContain(png);
  expect(first).toContain('src/main.c');
  expect(JSON.stringify(provider.requests.at(-1)?.body)).toContain('the secret word');
  expect(provider.refusals).toEqual([]);
});
