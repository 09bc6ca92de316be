export const branches = {
  'branch.which': 'Versions of this message',
  'branch.before': 'Previous version',
  'branch.after': 'Next version',
  'branch.edit': 'Edited message',
  'branch.tells': 'Sends an edited copy. The original stays.',
  'branch.send': 'Send as branch',
  'branch.sending': 'Sending…',
  'branch.again': 'Reuse',
  'branch.is': 'branch',
  'branch.stopTitle': 'Stop the agent first?',
  'branch.stopText':
    'The agent is still working here. It is stopped, then your message starts a branch. Finished work is kept.',
  'branch.stopYes': 'Stop and send',
} as const;
