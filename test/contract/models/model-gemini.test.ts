import { afterEach } from 'vitest';
import {
  type FakeGemini,
  fakeGemini,
  type GeminiReply,
  text,
  tooManyRequests,
} from '../../support/agents/fake-gemini.ts';
import { modelOver } from '../../support/agents/gemini.ts';
import { modelContract } from './model.ts';

const open: FakeGemini[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server[Symbol.asyncDispose]();
});
async function over(reply: GeminiReply) {
  const server = await fakeGemini([reply]);
  open.push(server);
  return modelOver(server);
}

modelContract('Gemini', {
  answers: () => over({ chunks: [text('Hel'), text('lo.', 'STOP')] }),
  fails: () => over(tooManyRequests()),
  hangs: () => over({ chunks: [text('Hel')], after: 'stall' }),
});
