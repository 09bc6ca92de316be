import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { sessionEventCount, sessionEvents } from '../data/log.ts';
import { query } from '../data/server.ts';
import { currentSessionId } from '../data/sessions.ts';
import { toolLabelsByName as words } from '../data/system.ts';
import { formatModelLabel } from '../models/state.ts';
import { LoadPlaceholder, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';

export function AgentSettings() {
  const id = currentSessionId.value;
  const [agent, setAgent] = useState<Outputs['sessions']['agent']>();
  const [trouble, tryIt] = useActionError();
  useEffect(() => {
    if (id !== undefined) void tryIt(t('agent.unread'), async () => setAgent(await query('sessions.agent', { id })));
  }, [id]);
  if (id === undefined) return <p class="quiet">{t('agent.noSession')}</p>;
  if (!agent) return <LoadPlaceholder problem={trouble} />;
  const always = alwaysAllowed();
  return (
    <>
      <dl class="facts grid">
        <dt>{t('model')}</dt>
        <dd>{[agent.model, ...agent.fallbacks].map(formatModelLabel).join(' → ')}</dd>
        <dt>{t('template')}</dt>
        <dd>
          {agent.template} · {t(agent.mode === 'react' ? 'agent.react' : 'agent.plans')}
        </dd>
      </dl>
      <Names title={t('agent.approvals')} names={agent.approvals} none={t('agent.noApprovals')} />
      {always.length > 0 && <Names title={t('agent.always')} names={always} none="" />}
      <Names
        title={t('agent.tools', { n: agent.tools.length })}
        names={agent.tools.map((name) => words.value.get(name)?.name ?? name)}
        none={t('none')}
      />
      <Names title={t('toolServers')} names={agent.toolServers} none={t('none')} />
    </>
  );
}

const Names = ({ title, names, none }: { title: string; names: readonly string[]; none: string }) => (
  <div>
    <h3>{title}</h3>
    {names.length === 0 ? (
      <p class="quiet">{none}</p>
    ) : (
      <ul class="names wrap row">
        {names.map((name) => (
          <li key={name}>
            <code>{name === '*' ? t('agent.allTools') : name}</code>
          </li>
        ))}
      </ul>
    )}
  </div>
);

function alwaysAllowed(): string[] {
  sessionEventCount.value;
  const names = new Map<string, string>();
  const found = new Set<string>();
  for (const event of sessionEvents) {
    if (event.type === 'approval.requested') names.set(event.data.callId, event.data.function);
    if (event.type === 'approval.resolved' && event.data.always) found.add(names.get(event.data.callId) ?? '');
  }
  return [...found].filter((name) => name !== '');
}
