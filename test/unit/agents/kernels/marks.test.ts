import { expect, test } from 'vitest';
import { createKernelOutputParser } from '../../../../src/agents/kernels/connection.ts';

const mark = '\0corral:n1:';
const read = (chunks: readonly string[]) => {
  const { push } = createKernelOutputParser('n1');
  return chunks.flatMap((chunk) => push(Buffer.from(chunk))).map(({ kind, bytes }) => [kind, bytes.toString()]);
};

test('messages are taken out of the text around them, however the bytes are split', () => {
  const whole = `one${mark}{"a":1}\ntwo\n${mark}{}\n`;
  for (let size = 1; size <= whole.length; size++) {
    const parts = read(whole.match(new RegExp(`.{1,${size}}`, 'gs')) ?? []);
    const of = (kind: string) => parts.flatMap(([own, text]) => (own === kind ? [text] : []));
    expect([of('text').join(''), of('message')], `chunks of ${size}`).toEqual(['onetwo\n', ['{"a":1}', '{}']]);
  }
});

test('text that only begins like a message, or names another nonce, stays text', () => {
  const text = (parts: unknown[][]) => parts.map(([, output]) => output).join('');
  expect(text(read(['a\0corral', ':x']))).toBe('a\0corral:x');
  expect(text(read(['\0corral:n2:{}\n']))).toBe('\0corral:n2:{}\n');
});

test('a message of more than 8 MiB is refused', () => {
  const { push } = createKernelOutputParser('n1');
  push(Buffer.from(mark));
  expect(() => push(Buffer.alloc(8 * 1024 * 1024 + 1, 'x'))).toThrow('a message of more than 8 MiB');
});
