import { findBranches } from '../../data/branches.ts';
import { conversationModel, isEndOnly } from '../../data/log.ts';
import { navigate } from '../../data/route.ts';
import { currentId, sessions } from '../../data/sessions.ts';
import { IconButton } from '../../parts/kit/button.tsx';
import { t } from '../../text/text.ts';

function firstOwnSeq(sessionId: string): number {
  const copied = sessions.value.find(({ id }) => id === sessionId)?.forkedFrom?.seq ?? 0;
  return conversationModel.items.value.find(({ kind, seq }) => kind === 'user' && seq > copied)?.seq ?? -1;
}

export function BranchSwitch({ seq }: { seq: number }) {
  const sessionId = currentId.value;
  // The session's first own message is unknown until the whole log has been read.
  if (sessionId === undefined || isEndOnly.value) return null;
  const branches = findBranches(sessions.value, { sessionId, seq, firstOwn: firstOwnSeq(sessionId) });
  if (!branches) return null;
  const { ids, at } = branches;
  const show = (index: number) => navigate(ids[index]);
  return (
    <span class="branches figures" role="group" aria-label={t('branch.which')}>
      <IconButton
        class="small"
        icon="back"
        label={t('branch.before')}
        disabled={at === 0}
        onClick={() => show(at - 1)}
      />
      <span aria-live="polite">{`${at + 1}/${ids.length}`}</span>
      <IconButton
        class="small"
        icon="chevron"
        label={t('branch.after')}
        disabled={at === ids.length - 1}
        onClick={() => show(at + 1)}
      />
    </span>
  );
}
