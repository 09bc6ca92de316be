import type { Outputs } from '../../../client/types.ts';
import { t } from '../../text/text.ts';

export type Service = Outputs['sandbox']['services'][number];

/** The containers beside the sandbox, with their addresses and states; nothing for a session without services. */
export function Services({ services }: { readonly services: readonly Service[] }) {
  if (services.length === 0) return null;
  return (
    <ul class="processes" aria-label={t('services.title')}>
      {services.map(({ name, image, ports, state, exitCode }) => (
        <li key={name}>
          <div class="tree-row">
            <code class="tree-name">
              {ports.length === 0 ? name : ports.map((port) => `${name}:${port}`).join(' ')}
            </code>
            <span class={state === 'exited' || state === 'unhealthy' ? 'bad-text tree-size' : 'quiet tree-size'}>
              {`${image} · ${state === 'exited' ? t('services.exited', { code: exitCode ?? '?' }) : t(`services.${state}`)}`}
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}
