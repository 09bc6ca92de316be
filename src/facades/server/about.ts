import { anyDetail, detail, failuresIn, invalidFields } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';

const failure = (description: string) => ({ ...detail('Not Found'), description });

/** Describes a route that belongs to the server and to no facade. */
export const about = describing({
  tag: 'Server',
  prefix: '',
  failures: failuresIn({
    always: [],
    texts: { 401: 'Unauthorized', 404: 'No such file', 422: 'Bad input' },
    of: (status, text) => (status === 422 ? invalidFields('token') : failure(text)),
    other: anyDetail,
  }),
});
