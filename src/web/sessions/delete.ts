import { deleteSession } from '../data/actions.ts';
import type { Session } from '../data/sessions.ts';
import { confirmAction } from '../parts/kit/dialog.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

export const confirmDeleteSession = (session: Session): void =>
  confirmAction({
    title: t('deleteAsk'),
    text: t('deleteTells'),
    yes: t('delete'),
    act: () => void tryOrNotify(t('sessionNotDeleted'), () => deleteSession(session.id)),
  });
