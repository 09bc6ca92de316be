import { z } from 'zod';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';

export const about = describing({ tag: 'Volumes', prefix: 'volumes', failures: detailFailures });
export const base = '/api/v1/volumes';
export const byVolume = z.object({ volume: z.string().max(100).describe('the id or name of a volume') });
export const example = {
  id: 'vol-0123456789abcdef',
  name: 'build-cache',
  createdAt: '2026-11-24T12:00:00.000Z',
  quotaBytes: 1_073_741_824,
  usedBytes: 12_345,
  changedSince: false,
  mounts: [{ sessionId: '0123456789abcdef', access: 'read' as const, since: '2026-11-24T12:05:00.000Z' }],
};
