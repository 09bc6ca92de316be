export const delegation = {
  'delegation.parent': 'Open {name}, whose agent started this session',
  'delegation.children': '{n} sub-agents',
  'delegation.children.one': 'one sub-agent',
  'delegation.title': 'Sub-agents',
  'delegation.about': 'The agent gave parts of its work to these agents. Open one to see, steer or stop it.',
  'delegation.isChild': 'sub-agent',
  'delegation.running': 'works',
  'delegation.waiting': 'waits',
  'delegation.completed': 'done',
  'delegation.stopped': 'stopped',
  'delegation.failed': 'failed',
} as const;
