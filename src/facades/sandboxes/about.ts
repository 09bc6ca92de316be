import { z } from 'zod';
import { failuresIn } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';
import { envelopeStyle } from '../shared/envelope.ts';

export const base = '/api/v1/sessions/:sid/sandbox';
export const params = z.object({ sid: z.string().describe('the session') });
export const about = describing({
  tag: 'Sandboxes',
  prefix: 'sandboxes',
  failures: failuresIn({
    ...envelopeStyle,
    texts: {
      404: 'No such session or snapshot, or the sandbox does not run',
      409: 'Not possible now: a run is under way, or files change all the time',
      413: 'The files are larger than a snapshot may be',
      429: 'Your snapshots have reached their limit',
      501: 'The sandbox cannot keep what the pause should keep',
      503: 'The sandbox cannot start',
    },
  }),
});
