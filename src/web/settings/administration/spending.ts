import { query } from '../../data/server.ts';
import { formatCount, formatUsd } from '../../parts/format.ts';
import { t } from '../../text/text.ts';

export async function loadSpendingFormatter(of: 'person' | 'project'): Promise<(id: string) => string> {
  const all = await query('budgets.list', undefined);
  const byId = new Map(all.filter((one) => one.of === of).map((one) => [one.id, one]));
  return (id) => {
    const { costPerMonth, tokensPerMonth } = byId.get(id) ?? {};
    const cost = costPerMonth && costPerMonth.used > 0 ? [formatUsd(costPerMonth.used)] : [];
    return [...cost, t('administration.tokens', { n: formatCount(tokensPerMonth?.used ?? 0) })].join(' · ');
  };
}
