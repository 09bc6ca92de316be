import type { SessionFact } from '../../../src/core/model/events.ts';
import { MessageId, type RunId } from '../../../src/core/model/ids.ts';
import type { FakeOptions } from '../egress/fake-service.ts';

const assistant = MessageId.parse('00000000-0000-4000-8000-000000000001');
const step = { id: '1', description: 'Run a command' };
const call = {
  callId: 'call_1',
  tool: 'shell',
  function: 'shell_exec',
  args: { id: 'main', exec_dir: '/workspace', command: 'echo hi' },
} as const;

/** The facts after `run.started` when the user tells the demo model to say hi: the example of the wire contract. */
export function demoRun(runId: RunId): SessionFact[] {
  const say = (text: string): SessionFact[] => [
    { type: 'message.delta', runId, data: { messageId: assistant, text: text.slice(0, 8) } },
    { type: 'message.delta', runId, data: { messageId: assistant, text: text.slice(8) } },
    { type: 'message.assistant', runId, data: { messageId: assistant, text, attachments: [] } },
  ];
  const plan = (status: 'pending' | 'completed'): SessionFact => ({
    type: 'plan',
    runId,
    data: { steps: [{ ...step, status }] },
  });
  return [
    { type: 'title', runId, data: { title: 'Say hi' } },
    ...say('Working on it: Say hi'),
    plan('pending'),
    { type: 'step', runId, data: { ...step, status: 'running' } },
    { type: 'tool.calling', runId, data: call },
    {
      type: 'tool.called',
      runId,
      data: {
        ...call,
        success: true,
        output: 'hi\n',
        exitCode: 0,
        content: { console: [{ ps1: 'corral:~$ ', command: 'echo hi', output: 'hi\n' }] },
      },
    },
    { type: 'step', runId, data: { ...step, status: 'completed' } },
    ...say('It says hi.'),
    plan('completed'),
    ...say('All done: hi'),
    { type: 'run.end', runId, data: { status: 'completed', reason: 'completed', task: 'Say hi' } },
  ];
}

/** The `play` of a fake service whose agent does the demo run for each message. */
export const playDemoRun: NonNullable<FakeOptions['play']> = async (fake, id, { runId }) =>
  void (await fake.say(id, ...demoRun(runId)));
