import { expect } from 'vitest';

const tools = ['42', 'six', '1.2.3'];

// The results of the programs' steps.
export const templates = {
  build: [true, true, ['default', 'v1']],
  log: [true, true, true, true, false],
  found: [true, false],
  started: [...tools, '/home/user/app', 'hello', 'blue', ''], // its start command serves the greeting
  'by a tag': ['2.0.0\n', 'SandboxError'],
  again: true,
  'a step that fails': ['BuildError', true, expect.arrayContaining([expect.stringContaining('CACHED [1/')])],
  'an image that is not allowed': 'BuildError',
  tags: [['stable'], ['default', 'stable', 'v1'], ['default', 'v1']],
};
