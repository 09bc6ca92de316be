import { z } from 'zod';
import { StepStatus } from '../../../../core/model/events.ts';
import { FileInfo } from '../files/file-replies.ts';

const object = z.record(z.string(), z.unknown());
const Step = z.object({ id: z.string(), description: z.string(), status: StepStatus });
const shown = <Name extends string, Data extends z.ZodRawShape>(event: Name, data: Data) =>
  z.object({ event: z.literal(event), data: z.object({ event_id: z.string(), timestamp: z.int(), ...data }) });

export const SseEvent = z.discriminatedUnion('event', [
  shown('message', {
    role: z.enum(['user', 'assistant']),
    content: z.string(),
    attachments: z.array(FileInfo).nullable(),
  }),
  shown('title', { title: z.string() }),
  shown('plan', { steps: z.array(Step) }),
  shown('step', Step.shape),
  shown('tool', {
    tool_call_id: z.string(),
    name: z.string(),
    status: z.enum(['calling', 'called']),
    function: z.string(),
    args: object,
    content: object.nullable(),
    result: z.object({ success: z.boolean(), data: object }).optional().describe('of a search; v2.0.0 reads it'),
  }),
  shown('wait', {}),
  shown('error', { error: z.string() }),
  shown('done', {}),
]);
export type SseEvent = z.output<typeof SseEvent>;
