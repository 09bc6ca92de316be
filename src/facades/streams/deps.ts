import type { Services } from '../../session/api/services.ts';
import type { HttpLogger } from '../shared/observe.ts';
import type { SseContext } from '../shared/sse.ts';

export interface StreamDeps extends Pick<Services, 'streams' | 'terminals' | 'files'> {
  readonly context: SseContext;
  readonly logger: HttpLogger;
}
