// @module-tag nightly
// Programs on the Anthropic SDK, unpatched, with agents that work for an agent; and what a killed server leaves of them.
import { expect } from 'vitest';
import { bad, goneRefusal, stepsOf, testEverywhere } from './programs.ts';

const reply = ['span.model_request_start', 'agent.message', 'span.model_request_end'];

const team = [
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
    ['Writer', 'You wrote: hello'],
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
];

testEverywhere('a coordinator and three agents work for a program as threads of a session', async (it) => {
  expect(await stepsOf(it, 'threads.py')).toEqual({
    rosters: [true, [true, 1], [true, null, 2], bad, goneRefusal, bad],
    team,
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
      goneRefusal,
      bad,
      'session_deleted',
      goneRefusal,
    ],
  });
});
