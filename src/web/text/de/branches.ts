export const branches = {
  'branch.which': 'Fassungen dieser Nachricht',
  'branch.before': 'Die Fassung davor',
  'branch.after': 'Die nächste Fassung',
  'branch.edit': 'Die Nachricht in ihrer neuen Fassung',
  'branch.tells':
    'Sie geht in einen Zweig, mit den Dateien, wie der Lauf davor sie hinterließ. Dieses Gespräch bleibt, wie es ist.',
  'branch.send': 'Als Zweig senden',
  'branch.sending': 'Wird gesendet…',
  'branch.again': 'Noch einmal verwenden',
  'branch.is': 'Zweig',
  'branch.stopTitle': 'Den Agenten zuerst anhalten?',
  'branch.stopText':
    'Der Agent arbeitet in diesem Gespräch. Er wird angehalten, dann beginnt Ihre Nachricht einen Zweig. Was er bis dahin tat, bleibt.',
  'branch.stopYes': 'Anhalten und senden',
};
