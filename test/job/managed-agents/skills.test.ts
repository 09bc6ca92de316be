// @module-tag nightly
import { expect, test } from 'vitest';
import { runProgram } from '../../support/clients/e2b-sdks.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { program, python, serverWith } from './programs.ts';

eachNeeds('bubblewrap'); // a server with a model does not start without isolation

const bad = [400, 'invalid_request_error', null];
const gone = [404, 'not_found_error', null];
const taken = [409, 'conflict_error', 'false'];

test('a program uploads skills, and its sessions keep the version with which they began', async () => {
  await using it = await serverWith('anthropic');
  const files = [program('strict.py'), program('skills.py')];
  const { faults, models: _, ...steps } = await runProgram({ ...python, files }, it.env);
  expect(steps).toEqual({
    crud: [
      ['House style', 'custom', 'plain-style', true],
      ['house-style', 'How letters are written.', 'How mails are written.', true],
      [true, true, { 'house-style/SKILL.md': '0o644', 'house-style/scripts/check.sh': '0o755' }, 'Write mails.'],
      ['skill_version_deleted', true, true, taken],
      ['skill_deleted', gone, []],
    ],
    errors: [bad, bad, taken, bad, bad, gone, bad, gone, gone, bad],
    sessions: [
      [['latest'], true, true],
      [
        [['skill_read'], ['Write letters.']],
        [['bash'], ['checked']],
      ],
      [
        [['skill_read'], ['Write letters.']],
        [['bash'], ['Write mails.']],
      ],
      [2, true, [], [expect.any(String)]],
      bad,
    ],
  });
  expect(faults).toEqual({});
});
