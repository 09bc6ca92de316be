export const inbox = {
  inbox: 'Inbox',
  'inbox.show': 'Show',
  'inbox.all': 'All ({n})',
  'inbox.waiting': 'Waiting ({n})',
  'inbox.failed': 'Failed ({n})',
  'inbox.nothing': 'Nothing is waiting for you.',
  'inbox.more': '{n} more',
  'inbox.unread': 'Could not load the request',
  'inbox.openOne': 'Open {name}',
  'inbox.answer': 'Your answer to {name}',
  'inbox.seen': 'Seen',
} as const;
