import { type FakeReply, type FakeRequest, isGrader } from '../../support/agents/fake-models/wire-format.ts';

/** The newest message of a request on each wire: its text, and whether it is the result of a call. */
function newestOf({ body }: FakeRequest): { readonly text: string; readonly isResult: boolean } {
  const { role, content } = body.messages.at(-1);
  if (role === 'tool') {
    const before = body.messages.findLastIndex((one: { role: string }) => one.role !== 'tool');
    const results: readonly { content: unknown }[] = body.messages.slice(before + 1);
    return { text: results.map((one) => textIn(one.content)).join('\n'), isResult: true };
  }
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  if (blocks.at(-1)?.type === 'text') return { text: blocks.at(-1).text, isResult: false };
  const results = blocks.filter(({ type }: { type: string }) => type === 'tool_result');
  if (results.length > 0)
    return { text: results.map(({ content: it }: { content: unknown }) => textIn(it)).join('\n'), isResult: true };
  return { text: blocks.map(({ text = '' }: { text?: string }) => text).join('\n'), isResult: false };
}
const textIn = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : (content as readonly { text?: string }[]).map(({ text = '' }) => text).join('\n');

/** Leaves a rhyme out until the agent has read that it must rhyme. */
function verdictOn({ body }: FakeRequest): FakeReply {
  const isMet = JSON.stringify(body.messages).includes('lacks a rhyme');
  const args = isMet
    ? { verdict: 'satisfied', reason: 'It rhymes.' }
    : { verdict: 'not_satisfied', reason: 'It lacks a rhyme.' };
  return { calls: [{ name: 'give_verdict', args }] };
}

/**
 * A model that follows the instructions of a message. `run: <command>` runs it, `weather: <city>, …` calls the program's
 * tool, `tool: <name>` any tool, and `skill: <name>` reads a skill. Lines `ask <agent>: <task>` delegate work to agents.
 * Anything else is repeated. The model's next text is the result of a call.
 */
export function obedient(request: FakeRequest): FakeReply {
  if (isGrader(request)) return verdictOn(request);
  const { text, isResult } = newestOf(request);
  if (isResult) return { text: `The result is: ${text.trim()}` };
  const requests = [...text.matchAll(/^ask (\w+): (.+)$/gm)];
  if (requests.length > 0)
    return {
      calls: requests.map(([, agent, task]) => ({ name: 'delegate', args: { agent, task, files: 'none' } as never })),
    };
  const [, word = '', rest = ''] = /(run|weather|tool|skill): (.+)/.exec(text) ?? [];
  if (word === 'run') return { text: 'I run it.', calls: [{ name: 'bash', args: { command: rest } }] };
  if (word === 'tool') return { calls: [{ name: rest.trim(), args: {} }] };
  if (word === 'skill') return { calls: [{ name: 'skill_read', args: { name: rest.trim() } }] };
  if (word === 'weather')
    return { calls: rest.split(', ').map((location) => ({ name: 'get_weather', args: { location } })) };
  return { text: `You wrote: ${text.trim()}` };
}
