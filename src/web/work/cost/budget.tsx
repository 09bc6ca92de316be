import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import type { ModelUsage } from '../../data/items.ts';
import { model } from '../../data/log.ts';
import { query } from '../../data/server.ts';
import { count, price, short } from '../../parts/format.ts';
import { t } from '../../text/text.ts';

type Budgets = Outputs['sessions']['agent']['budgets'];
type Kind = 'turns' | 'tokens' | 'cost' | 'toolCalls';
const kinds: readonly Kind[] = ['turns', 'tokens', 'cost', 'toolCalls'];

/** The rest of each budget of the newest run and of the session, live. */
export function BudgetLeft({ sessionId }: { sessionId: string }) {
  const [budgets, setBudgets] = useState<Budgets>();
  useEffect(() => {
    query('sessions.agent', { id: sessionId }).then(
      (agent) => setBudgets(agent.budgets),
      () => {}, // the sums above say what was spent
    );
  }, [sessionId]);
  if (!budgets) return null;
  const rows = [
    ...rowsOf(budgets.run, model.runUsed.value, 'cost.ofRun'),
    ...rowsOf(budgets.session, model.used.value, 'cost.ofSession'),
  ];
  return (
    <section aria-label={t('cost.left')}>
      <h2>{t('cost.left')}</h2>
      <ul class="budgets">
        {rows.map(({ name, kind, left, limit }) => (
          <li key={name}>
            <span>{name}</span>
            <span class="cost-amount">{t('cost.leftOf', { left: words(kind, left), limit: words(kind, limit) })}</span>
            <meter value={left} max={limit} low={limit * 0.15} optimum={limit} aria-label={name} />
          </li>
        ))}
      </ul>
      {!rows.some(({ kind }) => kind !== 'turns') && <p class="quiet">{t('cost.noBudget')}</p>}
    </section>
  );
}

function rowsOf(limits: Budgets['run'], used: ModelUsage, scope: 'cost.ofRun' | 'cost.ofSession') {
  const { turns, toolCalls, inputTokens, outputTokens, cost = 0 } = used;
  const spent = { turns, toolCalls, tokens: inputTokens + outputTokens, cost };
  return kinds.flatMap((kind) => {
    const limit = limits[kind];
    if (limit === undefined) return [];
    return [{ kind, limit, left: Math.max(0, limit - spent[kind]), name: t(scope, { kind: t(`budget.${kind}`) }) }];
  });
}

const words = (kind: Kind, value: number): string =>
  kind === 'cost' ? price(value) : kind === 'tokens' ? short(value) : count(value);
