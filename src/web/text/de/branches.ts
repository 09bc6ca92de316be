export const branches = {
  'branch.which': 'Versionen dieser Nachricht',
  'branch.before': 'Vorige Version',
  'branch.after': 'Nächste Version',
  'branch.edit': 'Bearbeitete Nachricht',
  'branch.tells': 'Sendet eine bearbeitete Kopie. Das Original bleibt.',
  'branch.send': 'Als Zweig senden',
  'branch.sending': 'Wird gesendet…',
  'branch.again': 'Wiederverwenden',
  'branch.is': 'Zweig',
  'branch.stopTitle': 'Den Agenten zuerst anhalten?',
  'branch.stopText':
    'Der Agent arbeitet hier noch. Er wird angehalten, dann beginnt Ihre Nachricht einen Zweig. Bisherige Arbeit bleibt erhalten.',
  'branch.stopYes': 'Anhalten und senden',
};
