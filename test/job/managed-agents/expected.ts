const idle = ['session.thread_status_idle', 'session.usage', 'session.status_idle'];
const running = ['session.status_running', 'session.thread_status_running'];
const request = ['span.model_request_start', 'agent.message', 'span.model_request_end'];
const evaluation = ['span.outcome_evaluation_start', 'span.outcome_evaluation_end'];
const missing = (code: string | null) => [404, 'not_found_error', code, true];

/** The results of the steps of core.py. */
export const core = {
  quickstart: [
    ['user.message', ...running, ...request, 'agent.tool_use', 'agent.tool_result', ...request, ...idle],
    true,
    true,
  ],
  deltas: [true, true],
  listing: [true, true, ['user.message']],
  versions: [1, 2, [409, 'false'], 'Coder', [2, 1]],
  'custom tool': [
    ['requires_action', true, 'get_weather', { location: 'Oslo' }],
    ['user.custom_tool_result', ...running, ...request, ...idle],
    'The result is: rain',
    'user.custom_tool_result',
  ],
  picture: [['image', 'text'], true, 'image/png'],
  confirmation: [
    'ask',
    'requires_action',
    400,
    true,
    true,
    true,
    ['user.tool_confirmation', ...running, 'agent.tool_result', ...request, ...idle],
  ],
  outcome: [
    ['user.define_outcome', ...running, ...request, ...evaluation, ...request, ...evaluation, ...idle],
    [
      [0, 'needs_revision', 'It lacks a rhyme.'],
      [1, 'satisfied', 'It rhymes.'],
    ],
    true,
    [['satisfied', 1, 'Write a poem', true]],
    true,
  ],
  files: [
    ['copy.csv'],
    'a,b\n1,2\n',
    ['/mnt/session/uploads/data.csv'],
    true,
    true,
    ['b.txt', 'copy.csv'],
    '/mnt/session/uploads/more/b.csv',
    'session_resource_deleted',
  ],
  errors: [
    missing(null),
    missing(null),
    [501, 'invalid_request_error', 'not_supported', true],
    missing('environment_not_found'),
    [400, 'invalid_request_error', null, true],
  ],
  ends: ['idle', true, 'terminated', 'session.status_terminated', 'session_deleted', false],
  rest: [
    ['Nothing else', { team: 'a' }, 'limited', true],
    [true, 'environment_deleted'],
    ['Be brief.', [], 'Renamed', { a: '1' }, 'idle'],
    [['session.updated', 'Renamed', { a: '1' }]],
    ['a.txt', 3_600, true, true, true, false],
  ],
};
