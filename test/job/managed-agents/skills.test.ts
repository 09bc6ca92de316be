// @module-tag nightly
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { bad, goneRefusal, serverWith, stepsOf } from './programs.ts';

const taken = [409, 'conflict_error', 'false'];

test('a program uploads skills, and its sessions keep the version with which they began', async (context) => {
  await needs(context, 'bubblewrap'); // a server with a model does not start without isolation
  await using it = await serverWith('anthropic');
  expect(await stepsOf(it, 'skills.py')).toEqual({
    crud: [
      ['House style', 'custom', 'plain-style', true],
      ['house-style', 'How letters are written.', 'How mails are written.', true],
      [true, true, { 'house-style/SKILL.md': '0o644', 'house-style/scripts/check.sh': '0o755' }, 'Write mails.'],
      ['skill_version_deleted', true, true, taken],
      ['skill_deleted', goneRefusal, []],
    ],
    errors: [bad, bad, taken, bad, bad, goneRefusal, bad, goneRefusal, goneRefusal],
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
});
