import { remove } from '../data/actions.ts';
import type { Session } from '../data/sessions.ts';
import { confirmFirst } from '../parts/kit/dialog.tsx';
import { attempt } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

export const confirmDelete = (session: Session): void =>
  confirmFirst({
    title: t('deleteAsk'),
    text: t('deleteTells'),
    yes: t('delete'),
    act: () => void attempt(t('notDeleted'), () => remove(session.id)),
  });
