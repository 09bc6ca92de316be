import { z } from 'zod';
import type { ResponseDoc } from '../shared/routes.ts';

/** What the server's own routes say when they fail. */
export const failure: ResponseDoc = {
  description: 'Any other failure',
  content: { 'application/json': { schema: z.object({ detail: z.string() }), example: { detail: 'Not Found' } } },
};
