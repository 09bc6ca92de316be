import type { FakeReply, FakeRequest, ScriptedReply } from './fake-models/wire-format.ts';

/** A model that reports half of the tokens of its requests and replies. */
export function halfUsage(reply: (request: FakeRequest, text: string) => ScriptedReply) {
  let counted = 0;
  return {
    /** The tokens of all requests and replies, as the provider really counts: four bytes each. */
    counted: () => counted,
    reply(request: FakeRequest): FakeReply {
      const { messages, tools = [] } = request.body;
      const text = JSON.stringify(messages);
      const overrides = reply(request, text);
      const input = Math.ceil((text.length + JSON.stringify(tools).length) / 4);
      const output = Math.ceil(JSON.stringify(overrides).length / 4);
      counted += input + output;
      return { ...overrides, usage: { input: Math.floor(input / 2), output: Math.floor(output / 2) } };
    },
  };
}
