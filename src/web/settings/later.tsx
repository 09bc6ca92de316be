import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Trouble, useTrouble } from '../parts/trouble.tsx';
import { t } from '../text/text.ts';

/** A component whose code loads when it is first drawn, so that the page's first load stays small. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  return function Later(props: Props) {
    const [Body, setBody] = useState<ComponentType<Props>>();
    const [trouble, tryIt] = useTrouble();
    useEffect(() => {
      void tryIt(t('server.unread'), async () => {
        const loaded = await load();
        setBody(() => loaded);
      });
    }, []);
    if (!Body) return trouble === '' ? <p class="quiet">{t('files.loading')}</p> : <Trouble text={trouble} />;
    return <Body {...props} />;
  };
}
