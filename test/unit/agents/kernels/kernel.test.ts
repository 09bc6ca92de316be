import { expect, test } from 'vitest';
import { KernelConnection } from '../../../../src/agents/kernels/connection.ts';
import { Kernel } from '../../../../src/agents/kernels/kernel.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { ProgramClient } from '../../../../src/sandboxes/client/client.ts';
import { type FakeProgram, fakePrograms, type Serve } from '../../../support/sandboxes/fake-programs.ts';

const { signal } = new AbortController();
/** The kernel reports this on both of its outputs. */
function tell(program: FakeProgram, reported: object): void {
  const message = `\0corral:n:${JSON.stringify(reported)}\n`;
  void Promise.all([program.print(message), program.complain(message)]);
}

const cell = { code: '1', timeoutMs: 10_000, listener: { onText: () => {}, onResult: () => {} } };
const answerCells: Serve = (request, program) => {
  const { type } = request as { type?: string };
  tell(program, type === 'hello' ? { type } : { type: 'end', count: 1 });
};
const kernelOf = (programs: ProgramClient) =>
  new Kernel({ programs, clock: systemClock, newNonce: () => 'n' }, { id: 'k', language: 'javascript' });

test('a kernel that is found idle is not interrupted, because an interrupt can end it', async () => {
  let interrupts = 0;
  const programs = fakePrograms((requested, program) => tell(program, requested));
  const counting = { ...programs, signal: async () => void interrupts++ };
  await KernelConnection.open(counting, { id: 'k', nonce: 'n', mayBeAtWork: true }, signal);
  expect(interrupts).toBe(0);
});

test('a kernel that ends while it is looked for is replaced, and the cell says that it is the first', async () => {
  let calls = 0;
  const programs = fakePrograms((request, program) => {
    if (calls++ === 0) return program.exit(130);
    answerCells(request, program);
  });
  const list = async () => (calls === 0 ? [{ id: 'k', pid: 1, startedAt: 1 }] : []);
  const expected = { ended: 'whole', isFirst: true };
  expect(await kernelOf({ ...programs, list }).execute(cell, signal)).toMatchObject(expected);
});

test('a kernel whose sandbox does not answer when it is closed leaves no connection to it', async () => {
  const programs = fakePrograms(answerCells);
  let detached = 0;
  const kernel = kernelOf({
    ...programs,
    attach: async (...args) => ({ ...(await programs.attach(...args)), detach: () => void detached++ }),
    close: async () => {
      throw new AppError('sandbox_lost', 'The sandbox is gone.');
    },
  });
  await kernel.execute(cell, signal);
  await expect(kernel.close()).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(detached).toBe(1);
});

test('a kernel that is at work says hello once more after the last interrupt, which so reaches no cell', async () => {
  const order: string[] = [];
  let requests = 0;
  const programs = fakePrograms((message, program) => {
    order.push('hello');
    if (requests++ > 0) tell(program, message);
    else answered.promise.then(() => tell(program, message));
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
