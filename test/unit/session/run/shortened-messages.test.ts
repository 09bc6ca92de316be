import { expect, test } from 'vitest';
import { shortened } from '../../../../src/session/run/shortened-messages.ts';

test('a result that is cut for the model ends with a whole character', () => {
  const output = `${'x'.repeat(7_999)}${'🎉'.repeat(1_000)}`;
  const [short] = shortened([{ role: 'tool', callId: 'c', name: 'shell_exec', output, success: true }]);
  expect(short).toMatchObject({ output: expect.stringMatching(/^x{7999}\n\[cut: /) });
});
