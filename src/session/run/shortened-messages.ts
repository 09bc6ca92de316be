import { beginningOf } from '../../core/text.ts';
import type { Message } from '../../llm/model.ts';

/** The newest messages stay whole; of older results only the beginning stays. */
const newest = 4;
const mostChars = { newest: 8_000, older: 500 };
const cut = '\n[cut: the conversation is too long for the model; call the tool again for the rest]';

/** The conversation with the results of its calls cut to their beginnings. */
export function shortened(messages: readonly Message[]): readonly Message[] {
  let later = 0;
  const short = messages.toReversed().map((message): Message => {
    if (message.role !== 'tool') return message;
    const most = ++later > newest ? mostChars.older : mostChars.newest;
    const { output } = message;
    return output.length <= most + cut.length ? message : { ...message, output: beginningOf(output, most) + cut };
  });
  return short.reverse();
}
