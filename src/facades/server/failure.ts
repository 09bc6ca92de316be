import { z } from 'zod';
import type { ResponseDoc } from '../shared/routes.ts';

/** The error response of the server's own routes. */
export const failure: ResponseDoc = {
  description: 'Any other failure',
  content: { 'application/json': { schema: z.object({ detail: z.string() }), example: { detail: 'Not Found' } } },
};
