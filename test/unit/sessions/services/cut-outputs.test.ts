import { expect, test } from 'vitest';
import { toOutputs } from '../../../../src/sessions/services/cut-outputs.ts';

const ended = { exitCode: 0, stdout: 'the beginning', stderr: 'oh', timedOut: false };

test('an output that was cut ends with a line that names the file with all of it', () => {
  const { stdout, stderr } = toOutputs({ ...ended, wholeIn: { stdout: '.corral/output/1.stdout' } });
  expect(stdout).toBe('the beginning\n[corral: cut after 1 MiB; the whole output is in .corral/output/1.stdout]\n');
  expect(stderr).toBe('oh');
});

test('an output that is whole stays as it is', () =>
  expect(toOutputs(ended)).toEqual({ stdout: 'the beginning', stderr: 'oh' }));
