import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Trouble, useTrouble } from '../../parts/trouble.tsx';
import { t } from '../../text/text.ts';

type SectionNames = readonly string[];
type ServerSettings = ComponentType<{ parts: SectionNames }>;

/** Most people never open these pages, so their code loads with the first one. */
function Loaded({ parts }: { parts: SectionNames }) {
  const [Body, setBody] = useState<ServerSettings>();
  const [trouble, tryIt] = useTrouble();
  useEffect(() => {
    void tryIt(t('server.unread'), async () => {
      const { ServerSettings } = await import('./server-settings.tsx');
      setBody(() => ServerSettings);
    });
  }, []);
  if (!Body) return trouble === '' ? <p class="quiet">{t('files.loading')}</p> : <Trouble text={trouble} />;
  return <Body key={parts.join()} parts={parts} />;
}

export const ServerApprovals = () => <Loaded parts={['approvals', 'tools']} />;
export const ServerNetwork = () => <Loaded parts={['network']} />;
export const ServerDefaults = () => <Loaded parts={['template', 'budgets', 'retention']} />;
