export const inbox = {
  inbox: 'Posteingang',
  'inbox.show': 'Zeigen',
  'inbox.all': 'Alles ({n})',
  'inbox.waiting': 'Wartend ({n})',
  'inbox.failed': 'Fehlgeschlagen ({n})',
  'inbox.nothing': 'Nichts wartet auf Sie.',
  'inbox.more': '{n} weitere',
  'inbox.unread': 'Anfrage konnte nicht geladen werden',
  'inbox.openOne': '{name} öffnen',
  'inbox.answer': 'Ihre Antwort an {name}',
  'inbox.seen': 'Gesehen',
} as const;
