export const inbox = {
  inbox: 'Wartet auf Sie',
  'inbox.show': 'Zeigen',
  'inbox.all': 'Alles ({n})',
  'inbox.waiting': 'Wartend ({n})',
  'inbox.failed': 'Gescheitert ({n})',
  'inbox.nothing': 'Nichts wartet auf Sie.',
  'inbox.more': '{n} weitere. Erst diese hier.',
  'inbox.unread': 'Worauf sie wartet, lässt sich nicht zeigen',
  'inbox.openOne': '{name} öffnen',
  'inbox.answer': 'Ihre Antwort an {name}',
  'inbox.seen': 'Gesehen',
} as const;
