import {
  createFailureDescriber,
  detailReply,
  invalidFieldsReply,
  otherFailureReply,
} from '../../http/errors/failure-docs.ts';

const failure = (description: string) => ({ ...detailReply('Not Found'), description });

export const describeServerFailures = createFailureDescriber({
  always: [],
  texts: { 401: 'Unauthorized', 404: 'No such file', 422: 'Bad input' },
  of: (status, text) => (status === 422 ? invalidFieldsReply('token') : failure(text)),
  other: otherFailureReply,
});
