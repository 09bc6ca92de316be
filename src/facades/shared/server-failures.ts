import { anyDetailFailure, describeFailures, detailReply, invalidFieldsReply } from '../../http/errors/failure-docs.ts';

const failure = (description: string) => ({ ...detailReply('Not Found'), description });

/** The errors of the server's own routes, outside of any facade. */
export const serverFailures = describeFailures({
  always: [],
  texts: { 401: 'Unauthorized', 404: 'No such file', 422: 'Bad input' },
  of: (status, text) => (status === 422 ? invalidFieldsReply('token') : failure(text)),
  other: anyDetailFailure,
});
