export const branches = {
  'branch.which': 'Wordings of this message',
  'branch.before': 'The wording before',
  'branch.after': 'The next wording',
  'branch.edit': 'The message in its new wording',
  'branch.tells':
    'It is sent in a branch, with the files as the run before it left them. This conversation stays as it is.',
  'branch.send': 'Send as a branch',
  'branch.sending': 'Sending…',
  'branch.again': 'Use again',
  'branch.is': 'branch',
  'branch.stopTitle': 'Stop the agent first?',
  'branch.stopText':
    'The agent works in this conversation. It is stopped, then your message begins a branch. What it did so far is kept.',
  'branch.stopYes': 'Stop and send',
} as const;
