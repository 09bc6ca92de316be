import { expect, test } from 'vitest';
import { parseApprovalAnswer } from '../../../src/core/text/approval-answer.ts';

test.each([
  ['approved', ['y', 'Yes', 'yes!', ' OK.', 'ja', 'J', 'Ja …', 'Approve.', 'approved', 'genehmigt']],
  ['rejected', ['n', 'No', 'NEIN!', 'reject.', 'abgelehnt']],
  [undefined, ['yes?', 'ok, but use curl', 'no, leave that', 'ja aber', '']],
] as const)('a plain answer to an approval is %s', (decision, answers) => {
  expect(answers.map(parseApprovalAnswer)).toEqual(answers.map(() => decision));
});
