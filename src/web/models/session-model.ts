import { mutateWithRetry } from '../data/server.ts';
import type { Session } from '../data/sessions.ts';
import { notify } from '../parts/notice.tsx';
import { openSettings } from '../settings/settings.tsx';
import { t } from '../text/text.ts';
import { openModelPicker } from './choose.tsx';
import { chosenModel, effectiveModels, formatModelLabel } from './state.ts';

// Not in choose.tsx, which the settings import.

/** If `session` is undefined, the choice applies to the next new session. */
export const openSessionModelPicker = (session: Session | undefined): void =>
  openModelPicker({
    title: t(session ? 'model' : 'models.choose'),
    value: session ? (session.model ?? effectiveModels.value?.model ?? '') : chosenModel.value,
    withUsual: !session,
    withDemo: true,
    addProvider: () => openSettings('models'),
    async act(ref) {
      if (!session) {
        chosenModel.value = ref;
        return;
      }
      await mutateWithRetry('sessions.update', { id: session.id, model: ref });
      notify(t('models.changed', { model: formatModelLabel(ref) }));
    },
  });
