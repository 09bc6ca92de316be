import { expect, test } from 'vitest';
import { runProgram } from '../../support/clients/e2b-sdks.ts';
import { program, python, serverWith } from './programs.ts';

const bad = [400, 'invalid_request_error', null];
const gone = [404, 'not_found_error', null];
const reply = ['span.model_request_start', 'agent.message', 'span.model_request_end'];

test.each(['anthropic', 'compatible'] as const)(
  'a coordinator and three agents work for a program as threads of a session, with a model of the wire %s',
  { timeout: 400_000 },
  async (wire) => {
    await using it = await serverWith(wire);
    const files = [program('strict.py'), program('threads.py')];
    const { faults, models: _, ...steps } = await runProgram({ ...python, files }, it.env);
    expect(steps).toEqual({
      rosters: [true, [true, 1], [true, null, 2], bad, gone, bad, bad, bad],
      team: [
        ['Writer', 'Runner', 'Reporter'],
        ['Reporter', 'Runner', 'Writer'],
        [
          ['Reporter', true, 'idle'],
          ['Runner', true, 'idle'],
          ['Writer', true, 'idle'],
        ],
        [null, 'idle', true],
        [
          ['Reporter', 'weather: Oslo'],
          ['Runner', 'run: echo from-$((40+2))'],
          ['Writer', 'hello'],
        ],
        [
          ['Reporter', 'The result is: rain'],
          ['Runner', 'The result is: from-42'],
          ['Writer', 'You said: hello'],
        ],
        [
          ['agent.custom_tool_use', true],
          ['agent.tool_use', true],
        ],
        [false, true],
        ['idle', true, true],
        true,
        true,
        true,
      ],
      thread: [
        [
          'agent.thread_message_received',
          'session.thread_status_running',
          'span.model_request_start',
          'span.model_request_end',
          'agent.custom_tool_use',
          'session.thread_status_idle',
        ],
        [
          'user.custom_tool_result',
          'session.thread_status_running',
          ...reply,
          'agent.thread_message_sent',
          'session.thread_status_idle',
        ],
        true,
        'end_turn',
        'user.custom_tool_result',
        ['terminated', true],
        bad,
        true,
      ],
      interrupt: [
        ['requires_action', 2],
        bad,
        [true, 'idle'],
        [
          ['user.interrupt', 'agent.tool_result', 'session.thread_status_idle'],
          ['idle', 'idle', 'idle'],
          'session.status_idle',
          'end_turn',
        ],
        gone,
        bad,
        'session_deleted',
        gone,
      ],
    });
    expect(faults).toEqual({});
  },
);
