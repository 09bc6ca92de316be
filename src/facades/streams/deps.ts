import type { HttpLogger } from '../../http/routes/observe.ts';
import type { SseContext } from '../../http/transport/sse.ts';
import type { Services } from '../../sessions/api/services.ts';

export interface StreamDeps extends Pick<Services, 'streams' | 'terminals' | 'files'> {
  readonly context: SseContext;
  readonly logger: HttpLogger;
}
