import type { HookSpec } from '../../sessions/api/server/automations.ts';
import type { HookNews } from './delivery.ts';
import { ownWords } from './own-words.ts';

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** Why a hook does not want this; undefined: it does. The text goes back to the sender. */
export function refusalOf(hook: HookSpec, { event, repository, sender, labels, assignees, text }: HookNews) {
  if (event === null) return undefined;
  const { account, label, senders, repositories } = hook;
  if (!hook.events.includes(event)) return `The automation does not start at ${event}.`;
  if (repositories.length > 0 && !repositories.some((one) => same(one, repository)))
    return 'The automation does not start for this repository.';
  if (account !== null && [account, `${account}[bot]`].some((own) => same(own, sender)))
    return 'The account of the automation has caused this itself.';
  if (senders.length > 0 && !senders.some((one) => same(one, sender)))
    return 'The automation does not start for this sender.';
  if (event === 'issue.labelled' && label !== null && !labels.some((one) => same(one, label)))
    return 'The automation starts for another label.';
  if (event === 'issue.assigned' && account !== null && !assignees.some((one) => same(one, account)))
    return 'The automation starts for another account.';
  if (event === 'comment.mention' && (account === null || !mentions(text, account)))
    return 'The comment does not mention the account of the automation.';
  return undefined;
}

/** Whether `@account` is a word of its own in what the sender wrote, not in a quote or in code. */
function mentions(text: string, account: string): boolean {
  const name = account.replaceAll(/[.\\+*?[^\]$(){}=!<>|:#/-]/g, '\\$&');
  return new RegExp(`(^|[^\\w@/.-])@${name}(?![\\w-]|\\.\\w)`, 'i').test(ownWords(text));
}
