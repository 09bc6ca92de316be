import { z } from 'zod';
import { failuresIn } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';
import { envelopeStyle } from '../shared/envelope.ts';
import type { FacadeParts } from '../shared/facade.ts';

// The routes lie below those of a session, so they answer in the same envelope.

export const base = '/api/v1/sessions/:sid';
export const params = z.object({ sid: z.string().describe('the session') });
export type CallerServices = FacadeParts['acting'];

const texts = {
  404: 'No such session, repository or checkpoint',
  409: 'Not possible now: nothing has changed, or the repository is not fetched',
  501: 'The sandbox has no git, or the host is no known forge',
  503: 'The sandbox cannot start',
};
export const about = describing({
  tag: 'Repositories',
  prefix: 'repositories',
  failures: failuresIn({ ...envelopeStyle, texts }),
});
