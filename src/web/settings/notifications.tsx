import { useState } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { t } from '../text/text.ts';

/** Whether the browser tells of an agent that waits or has ended. A refusal can be undone in the browser alone. */
export function Notifications() {
  const [state, setState] = useState(typeof Notification === 'undefined' ? 'missing' : Notification.permission);
  const ask = () => Notification.requestPermission().then(setState, () => {});
  return (
    <>
      <p>{t('notifications.tells')}</p>
      {state === 'default' && (
        <div>
          <Button kind="primary" icon="bell" onClick={ask}>
            {t('notifications.ask')}
          </Button>
        </div>
      )}
      {state === 'granted' && <p class="note good">{t('notifications.granted')}</p>}
      {state === 'denied' && <p class="note wait">{t('notifications.denied')}</p>}
      {state === 'missing' && <p class="note wait">{t('notifications.missing')}</p>}
    </>
  );
}
