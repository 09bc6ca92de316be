import { expect, test } from 'vitest';
import { MessageListTracker } from '../../../../src/facades/compat/opencodex/conversation/list-answers.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const client = { chat: 'a', caller: 'me' };
const never = new AbortController().signal;
type Step = 'ask' | 'answer' | 'break' | 'visit' | number;

/** Does the steps, then opens a socket, does the other steps, and returns what the socket got and when. */
async function loaded(before: readonly Step[], after: readonly Step[]): Promise<readonly [number | undefined, number]> {
  const clock = manualClock();
  const lists = new MessageListTracker(clock);
  const open: ((head: number | undefined) => void)[] = [];
  const act = (step: Step) => {
    if (step === 'ask') open.push(lists.recordRequest(client));
    else if (step === 'answer') open.shift()?.(7);
    else if (step === 'break') open.shift()?.(undefined);
    else if (step === 'visit') void lists.loaded(client, never);
    else clock.advance(step);
  };
  before.forEach(act);
  const opened = clock.now();
  let got: readonly [number | undefined, number] | undefined;
  void lists.loaded(client, never).then((head) => {
    got = [head, clock.now() - opened];
  });
  for (const step of [...after, ...new Array<number>(80).fill(100)]) {
    act(step);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  if (!got) throw new Error('it still waits');
  return got;
}

test.each<[string, Step[], Step[], readonly [number | undefined, number]]>([
  ['the answer comes after the socket', [], ['ask', 300, 'answer'], [7, 400]],
  ['the request was open', ['ask'], [300, 'answer'], [7, 400]],
  ['the answer came before the socket', ['ask', 'answer', 50], [], [7, 100]],
  ['an older answer was of an earlier visit', ['ask', 'answer', 50, 'visit', 50], [200, 'ask', 'answer'], [7, 300]],
  ['an old answer does not count', ['ask', 'answer', 3_000], [200, 'ask', 'answer'], [7, 300]],
  ['a broken request does not count', ['ask', 'break'], [200, 'ask', 'answer'], [7, 300]],
  ['the request is open for longer', ['ask'], [5_000, 7_000, 'answer'], [7, 12_100]],
  ['no list is loaded', [], [], [undefined, 5_000]],
])('%s', async (_name, before, after, expected) => expect(await loaded(before, after)).toEqual(expected));
