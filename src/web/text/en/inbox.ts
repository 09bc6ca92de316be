export const inbox = {
  inbox: 'Needs you',
  'inbox.show': 'Show',
  'inbox.all': 'All ({n})',
  'inbox.waiting': 'Waiting ({n})',
  'inbox.failed': 'Failed ({n})',
  'inbox.nothing': 'Nothing waits for you.',
  'inbox.more': '{n} more. Answer these first.',
  'inbox.unread': 'What it waits for cannot be shown',
  'inbox.openOne': 'Open {name}',
  'inbox.answer': 'Your answer to {name}',
  'inbox.seen': 'Seen',
} as const;
