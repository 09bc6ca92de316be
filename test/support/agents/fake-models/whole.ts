import type { WireName } from './wire-format.ts';

// biome-ignore lint/suspicious/noExplicitAny: the fake's own events
type Data = any;

/** A reply's events combined into the single answer to a request without `stream`. */
export function wholeOf(wire: WireName, events: readonly string[]): object {
  const all: Data[] = events.flatMap((event) => {
    const [, json = ''] = /^data: (\{.*)$/m.exec(event) ?? [];
    return json === '' ? [] : [JSON.parse(json)];
  });
  if (wire === 'openai') {
    const output = all.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item);
    return { ...all.at(-1).response, output, parallel_tool_calls: true, tool_choice: 'auto', tools: [] };
  }
  const deltas = all.flatMap(({ choices }) => choices).map(({ delta }) => delta);
  const calls: Data[] = [];
  for (const call of deltas.flatMap(({ tool_calls = [] }) => tool_calls)) {
    const known = calls[call.index];
    if (known) known.function.arguments += call.function.arguments;
    else calls[call.index] = { id: call.id, type: call.type, function: { ...call.function } };
  }
  const content = deltas.map(({ content: text = '' }) => text).join('');
  const message = { role: 'assistant', content, ...(calls.length > 0 && { tool_calls: calls }) };
  const finish_reason = calls.length > 0 ? 'tool_calls' : 'stop';
  const { usage, id, model } = { ...all[0], ...all.at(-1) };
  return { id, object: 'chat.completion', created: 1, model, choices: [{ index: 0, message, finish_reason }], usage };
}
