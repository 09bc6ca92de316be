import { expect, test } from 'vitest';
import { KernelConnection } from '../../../../src/agents/kernels/connection.ts';
import { fakePrograms } from '../../../support/sandboxes/fake-programs.ts';

test('a kernel that is at work says hello once more after the last interrupt, which so reaches no cell', async () => {
  const order: string[] = [];
  let asked = 0;
  const programs = fakePrograms((message, program) => {
    order.push('hello');
    const answer = `\0corral:n:${JSON.stringify(message)}\n`;
    const tell = () => Promise.all([program.print(answer), program.complain(answer)]);
    if (asked++ > 0) void tell();
    else answered.promise.then(tell);
  });
  const answered = Promise.withResolvers<void>();
  const signal = async () => {
    order.push('interrupt');
    if (order.filter((it) => it === 'interrupt').length === 2) answered.resolve();
  };
  const program = { id: 'k', nonce: 'n', mayBeAtWork: true };
  await KernelConnection.open({ ...programs, signal }, program, new AbortController().signal);
  expect(order).toEqual(['hello', 'interrupt', 'interrupt', 'hello']);
});
