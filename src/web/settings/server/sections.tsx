import { later } from '../later.tsx';

// Most people never open these pages, so their code loads with the first one.
const ServerSettings = later(async () => (await import('./server-settings.tsx')).ServerSettings);

const approvals = ['approvals', 'tools'];
const network = ['network'];
const defaults = ['template', 'budgets', 'retention'];
export const ServerApprovals = () => <ServerSettings key="approvals" parts={approvals} />;
export const ServerNetwork = () => <ServerSettings key="network" parts={network} />;
export const ServerDefaults = () => <ServerSettings key="defaults" parts={defaults} />;
