import { expect, test } from 'vitest';
import { ShellInputQueue } from '../../../../src/web/work/terminal/shell-typing.ts';

const conflict = () => Object.assign(new Error('Nothing runs.'), { code: 'CONFLICT' });

test('keys arrive in their order, and together those that were typed in the meantime', async () => {
  const sent: string[] = [];
  const first = Promise.withResolvers<void>();
  const send = async (text: string) => {
    sent.push(text);
    await first.promise;
  };
  const typing = new ShellInputQueue({ send, hasCommand: () => true });
  const all = ['A', 'n', 'n', '\n'].map((key) => typing.type(key));
  first.resolve();
  await Promise.all(all);
  expect(sent).toEqual(['A', 'nn\n']);
});

test('keys wait for a command that is announced and has not started', async () => {
  const sent: string[] = [];
  let refusals = 2;
  const send = async (text: string) => {
    if (refusals-- > 0) throw conflict();
    sent.push(text);
  };
  await new ShellInputQueue({ send, hasCommand: () => true }).type('Ann\n');
  expect(sent).toEqual(['Ann\n']);
});

test('without a command a refusal is reported, and the keys are dropped', async () => {
  const sent: string[] = [];
  let isRunning = false;
  const send = async (text: string) => {
    if (!isRunning) throw conflict();
    sent.push(text);
  };
  const typing = new ShellInputQueue({ send, hasCommand: () => isRunning });
  await expect(typing.type('lost')).rejects.toMatchObject({ code: 'CONFLICT' });
  isRunning = true;
  await typing.type('x');
  expect(sent).toEqual(['x']);
});
