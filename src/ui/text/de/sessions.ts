export const sessions = {
  rename: 'Diese Sitzung umbenennen',
  deleteThis: 'Diese Sitzung löschen',
  deleteAsk: 'Diese Sitzung löschen?',
  deleteTells: 'Ihr Gespräch, ihre Sandbox und ihre Dateien sind dann endgültig weg.',
  delete: 'Löschen',
  keepIt: 'Behalten',
  sessions: 'Sitzungen',
};
