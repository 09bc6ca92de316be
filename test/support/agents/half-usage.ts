import type { FakeReply, FakeRequest, ScriptedReply } from './fake-models/wire-format.ts';

/** A model that reports half of the tokens of its requests and replies. */
export function halfUsage(reply: (request: FakeRequest, said: string) => ScriptedReply) {
  let counted = 0;
  return {
    /** The tokens of all requests and replies, as the provider really counts: four bytes each. */
    counted: () => counted,
    reply(request: FakeRequest): FakeReply {
      const { messages, tools = [] } = request.body;
      const said = JSON.stringify(messages);
      const given = reply(request, said);
      const input = Math.ceil((said.length + JSON.stringify(tools).length) / 4);
      const output = Math.ceil(JSON.stringify(given).length / 4);
      counted += input + output;
      return { ...given, usage: { input: Math.floor(input / 2), output: Math.floor(output / 2) } };
    },
  };
}
