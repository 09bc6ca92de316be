import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import type { RunUsage } from '../../data/items.ts';
import { conversationState } from '../../data/log.ts';
import { query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { toolLabelsByName } from '../../data/system.ts';
import { isDemoModel } from '../../models/state.ts';
import { formatBudgetValue, formatCompactCount, formatCount, formatUsd } from '../../parts/format.ts';
import { useLoadedData } from '../../parts/kit/trouble.tsx';
import { GuideLink } from '../../parts/notice.tsx';
import { t, translateServerText } from '../../text/text.ts';
import type { TextKey } from '../../text/texts.ts';

type Details = Outputs['sessions']['cost'];
const pauseMs = 1_500;
const maxEvents = 8;
const columns = ['cost.kind', 'cost.turns', 'cost.input', 'cost.cached', 'output', 'tab.cost'] as const;

export function CostPane({ session }: { session: Session }) {
  const [details, setDetails] = useState<Details>();
  const { turns } = conversationState.used.value;
  // Only the server attributes turns to events, so new turns require another read.
  useEffect(() => {
    const ask = () => void query('sessions.cost', { id: session.id }).then(setDetails, () => {});
    const timer = setTimeout(ask, details ? pauseMs : 0);
    return () => clearTimeout(timer);
  }, [session.id, turns]);
  const events = [...(details?.events ?? [])].sort((a, b) => weight(b) - weight(a)).slice(0, maxEvents);
  const most = Math.max(Number.MIN_VALUE, ...events.map(weight));
  const wait = conversationState.items.value.findLast((item) => item.kind === 'wait');
  const budget = wait?.kind === 'wait' && wait.isOpen.value ? wait.data.budget : undefined;
  const { model, cost } = conversationState.used.value;
  const hasUnknownPrice = turns > 0 && cost === undefined && !isDemoModel(model);
  return (
    <div class="cost roomy stack">
      <div class="cost-sums grid">
        <Sum title={t('thisSession')} used={conversationState.used.value} />
        <Sum title={t('cost.run')} used={conversationState.runUsed.value} />
      </div>
      {hasUnknownPrice && (
        <p class="quiet">
          {t('cost.setPrice')}
          <GuideLink docs="/guide/models#what-a-model-can-do" />
        </p>
      )}
      <BudgetLeft sessionId={session.id} />
      {budget && (
        <p class="note wait">
          {t('cost.budgetLeft', {
            kind: t(`budget.${budget.kind}`),
            left: formatBudgetValue(budget.kind, Math.max(0, budget.limit - budget.used)),
            limit: formatBudgetValue(budget.kind, budget.limit),
          })}
        </p>
      )}
      {events.length === 0 ? (
        <p class="quiet empty">{t('cost.none')}</p>
      ) : (
        <>
          <h2 class="quiet small-text">{t('cost.most')}</h2>
          <ol class="stack cost-events">
            {events.map((one) => (
              <li key={one.seq ?? 0} class="grid">
                <span class="cut cost-about">{causeOf(one)}</span>
                <span class="figures">{amount(one)}</span>
                <meter value={weight(one)} max={most} aria-label={t('cost.share', { about: causeOf(one) })} />
              </li>
            ))}
          </ol>
          <h2 class="quiet small-text">{t('cost.kinds')}</h2>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard */}
          <div class="cost-table small-text" role="group" aria-label={t('cost.kinds')} tabIndex={0}>
            <table>
              <thead>
                <tr>
                  {columns.map((name) => (
                    <th key={name}>{t(name)}</th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {details?.kinds.map((one) => (
                  <tr key={one.kind}>
                    <td>{nameOfKind(one.kind)}</td>
                    <td>{one.turns}</td>
                    <td>{formatCompactCount(one.inputTokens)}</td>
                    <td>{formatCompactCount(one.cachedTokens)}</td>
                    <td>{formatCompactCount(one.outputTokens)}</td>
                    <td>{one.cost === null ? '–' : formatUsd(one.cost)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </div>
  );
}

const kinds = new Map<string, TextKey>(
  Object.entries({
    'message.user': 'cost.message',
    'approval.resolved': 'cost.approval',
    plan: 'plan',
    step: 'cost.step',
  }),
);

function nameOfKind(kind: string): string {
  const call = /^tool\.called (.+)$/.exec(kind)?.[1];
  if (call !== undefined)
    return translateServerText(toolLabelsByName.value.get(call)?.label ?? call.replaceAll('_', ' '));
  return t(kinds.get(kind) ?? 'cost.start');
}

type Amount = Details['events'][number];
const causeOf = ({ type, about }: Amount): string =>
  (type === 'message.user' || type === 'step') && about !== ''
    ? about
    : nameOfKind(type === 'tool.called' ? `${type} ${about}` : (type ?? ''));
const weight = ({ cost, inputTokens, outputTokens }: Amount): number => cost || (inputTokens + outputTokens) / 1e9;
const amount = ({ cost, inputTokens, outputTokens }: Amount): string =>
  cost ? formatUsd(cost) : t('tokensShort', { n: formatCompactCount(inputTokens + outputTokens) });

/** A fork has copied runs, but no turn of its own yet. */
function hasRunWithoutTurn(): boolean {
  const run = conversationState.run.value;
  return run.kind === 'ended' && run.end.used.turns === 0;
}

const Sum = ({ title, used }: { title: string; used: RunUsage }) => (
  <section class="cost-sum raised box padded" aria-label={title}>
    <h2 class="quiet small-text">{title}</h2>
    {used.turns === 0 ? (
      <p class="quiet small-text">{hasRunWithoutTurn() ? t('cost.noTurn') : '–'}</p>
    ) : (
      <>
        <p class="cost-price bold figures">
          {used.cost === undefined
            ? t('tokensShort', { n: formatCompactCount(used.inputTokens + used.outputTokens) })
            : formatUsd(used.cost)}
        </p>
        <p class="quiet small-text">
          {t('usage.total', {
            in: formatCompactCount(used.inputTokens),
            out: formatCompactCount(used.outputTokens),
            n: formatCount(used.turns),
          })}
          {used.cost === undefined && !isDemoModel(used.model) && ` · ${t('cost.unknown')}`}
        </p>
      </>
    )}
  </section>
);

type Budgets = Outputs['sessions']['agent']['budgets'];
const limitedKinds = ['turns', 'tokens', 'cost', 'toolCalls'] as const;

function BudgetLeft({ sessionId }: { sessionId: string }) {
  const { now: agent } = useLoadedData(() => query('sessions.agent', { id: sessionId }), [sessionId]);
  if (!agent) return null;
  const { budgets } = agent;
  const rows = [
    ...toRows(budgets.run, conversationState.runUsed.value, 'cost.ofRun'),
    ...toRows(budgets.session, conversationState.used.value, 'cost.ofSession'),
  ];
  return (
    <section aria-label={t('cost.left')}>
      <h2 class="quiet small-text">{t('cost.left')}</h2>
      <ul class="stack">
        {rows.map(({ name, kind, left, limit }) => (
          <li key={name} class="budget grid">
            <span>{name}</span>
            <span class="figures">
              {t('cost.leftOf', { left: formatBudgetValue(kind, left), limit: formatBudgetValue(kind, limit) })}
            </span>
            <meter value={left} max={limit} low={limit * 0.15} optimum={limit} aria-label={name} />
          </li>
        ))}
      </ul>
      {!rows.some(({ kind }) => kind !== 'turns') && <p class="quiet">{t('cost.noBudget')}</p>}
    </section>
  );
}

function toRows(limits: Budgets['run'], used: RunUsage, scope: 'cost.ofRun' | 'cost.ofSession') {
  const { turns, toolCalls, inputTokens, outputTokens, cost = 0 } = used;
  const spent = { turns, toolCalls, tokens: inputTokens + outputTokens, cost };
  return limitedKinds.flatMap((kind) => {
    const limit = limits[kind];
    if (limit === undefined) return [];
    return [{ kind, limit, left: Math.max(0, limit - spent[kind]), name: t(scope, { kind: t(`budget.${kind}`) }) }];
  });
}
