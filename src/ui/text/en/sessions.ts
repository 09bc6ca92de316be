export const sessions = {
  rename: 'Rename this session',
  deleteThis: 'Delete this session',
  deleteAsk: 'Delete this session?',
  deleteTells: 'Its conversation, its sandbox and its files are gone for good.',
  delete: 'Delete',
  keepIt: 'Keep it',
  sessions: 'Sessions',
} as const;
