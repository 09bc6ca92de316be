import { z } from 'zod';

export const exampleSid = '5f2a0c9be41d7733';
export const exampleUuid = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
export const exampleTime = '2025-01-01T00:00:00.000Z';
export const isoTimestamp = z.string().describe('UTC, ISO 8601');
