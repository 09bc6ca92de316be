import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { sessionEventCount, sessionEvents } from '../data/log.ts';
import { mutateWithRetry, query } from '../data/server.ts';
import { currentSessionId } from '../data/sessions.ts';
import { toolLabelsByName as words } from '../data/system.ts';
import { formatModelLabel } from '../models/state.ts';
import { formatCount } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { List } from '../parts/kit/list.tsx';
import { FormError, LoadPlaceholder, useLoadAction } from '../parts/kit/trouble.tsx';
import { currentTemplateNameOf, loadTemplates } from '../sessions/templates.ts';
import { t, translateServerText } from '../text/text.ts';

export function NetworkPage() {
  const sessionId = currentSessionId.value;
  const [egress, setEgress] = useState<Outputs['egress']['inForce']>();
  const look = async () => sessionId !== undefined && setEgress(await query('egress.inForce', { sessionId }));
  const [trouble, tryIt, again] = useLoadAction(t('network.unread'), look, [sessionId]);
  if (sessionId === undefined) return <p class="quiet">{t('network.noSession')}</p>;
  if (!egress) return <LoadPlaceholder problem={trouble} again={again} />;
  const opens = [translateServerText(egress.opens), egress.entries.join(', ')].filter(Boolean).join(': ');
  const change = (path: 'egress.allow' | 'egress.withdraw', host: string) =>
    tryIt(t(path === 'egress.allow' ? 'network.notAllowed' : 'network.notRevoked', { host }), async () => {
      await mutateWithRetry(path, { sessionId, host });
      await look();
    });
  return (
    <>
      <div>
        <h3>{t('network.policy', { name: egress.policy })}</h3>
        <p class="quiet">{t('network.opens', { opens })}</p>
      </div>
      <FormError text={trouble} />
      <div class="blocked-hosts">
        <h3>{t('network.blocked')}</h3>
        <List
          none={t('network.nothingBlocked')}
          items={listBlockedHosts().map(({ host, rule, times }) => ({
            key: host,
            code: host,
            lines: [
              [translateServerText(rule), ...(times > 1 ? [t('network.times', { n: formatCount(times) })] : [])].join(
                ' · ',
              ),
            ],
            action: egress.allowed.includes(host) ? (
              <span class="quiet">{t('network.isAllowed')}</span>
            ) : (
              ['not listed', 'port not allowed'].includes(rule) && (
                <Button
                  class="small"
                  label={t('network.allow')}
                  disabled={egress.whyNot !== null}
                  aria-label={t('network.allowOne', { host })}
                  onClick={() => change('egress.allow', host)}
                />
              )
            ),
          }))}
        />
        {egress.whyNot !== null && (
          <p class="note wait">{t('network.cannot', { why: translateServerText(egress.whyNot) })}</p>
        )}
      </div>
      {egress.allowed.length > 0 && (
        <div>
          <h3>{t('network.allowed')}</h3>
          <List
            items={egress.allowed.map((host) => ({
              key: host,
              code: host,
              action: (
                <Button
                  class="small"
                  label={t('revoke')}
                  disabled={egress.whyNot !== null}
                  aria-label={t('network.withdrawOne', { host })}
                  onClick={() => change('egress.withdraw', host)}
                />
              ),
            }))}
          />
        </div>
      )}
    </>
  );
}

/** Lists the most recently blocked host first. Omits ports 80 and 443. */
function listBlockedHosts() {
  sessionEventCount.value;
  const found = new Map<string, { host: string; rule: string; times: number }>();
  for (const event of sessionEvents) {
    if (event.type !== 'egress' || event.data.decision !== 'refused') continue;
    const { host: name, port, rule } = event.data;
    if (name === '*') continue;
    const host = [80, 443].includes(port) ? name : `${name}:${port}`;
    const times = (found.get(host)?.times ?? 0) + 1;
    found.delete(host);
    found.set(host, { host, rule, times });
  }
  return [...found.values()].reverse();
}

export function AgentSettings() {
  const id = currentSessionId.value;
  const [agent, setAgent] = useState<Outputs['sessions']['agent']>();
  const read = async () => id !== undefined && setAgent(await query('sessions.agent', { id }));
  const [trouble, , again] = useLoadAction(t('agent.unread'), read, [id]);
  useEffect(() => void loadTemplates().catch(() => {}), []);
  if (id === undefined) return <p class="quiet">{t('agent.noSession')}</p>;
  if (!agent) return <LoadPlaceholder problem={trouble} again={again} />;
  const always = alwaysAllowed();
  return (
    <>
      <dl class="facts grid">
        <dt>{t('model')}</dt>
        <dd>{[agent.model, ...agent.fallbacks].map(formatModelLabel).join(' → ')}</dd>
        <dt>{t('template')}</dt>
        <dd>
          {currentTemplateNameOf(agent.template)} · {t(agent.mode === 'react' ? 'agent.react' : 'agent.plans')}
        </dd>
        <dt>{t('server.part.memory')}</dt>
        <dd>{t(`setting.memory.agents.${agent.memory}`)}</dd>
      </dl>
      <Names title={t('agent.approvals')} names={agent.approvals} none={t('agent.noApprovals')} />
      {always.length > 0 && <Names title={t('agent.always')} names={always} none="" />}
      <Names
        title={t('agent.tools', { n: agent.tools.length })}
        names={agent.tools.map((name) => words.value.get(name)?.name ?? name)}
        none={t('none')}
      />
      <Names title={t('skills')} names={agent.skills} none={t('none')} />
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
