export const delegation = {
  'delegation.parent': '{name} öffnen, deren Agent diese Sitzung gestartet hat',
  'delegation.children': '{n} Unteragenten',
  'delegation.children.one': 'ein Unteragent',
  'delegation.title': 'Unteragenten',
  'delegation.about':
    'Der Agent hat diesen Agenten Teile seiner Arbeit gegeben. Öffnen Sie einen, um ihn zu sehen, zu lenken oder zu stoppen.',
  'delegation.isChild': 'Unteragent',
  'delegation.running': 'arbeitet',
  'delegation.waiting': 'wartet',
  'delegation.completed': 'fertig',
  'delegation.stopped': 'gestoppt',
  'delegation.failed': 'gescheitert',
} as const;
