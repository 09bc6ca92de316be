export type AttributeValue = string | number | boolean;

export interface SpanData {
  readonly name: string;
  readonly kind: 'internal' | 'client';
  /** In epoch ms. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly error?: string | undefined;
  readonly events?: readonly { readonly name: string; readonly at: number; readonly text: string }[];
}
export interface SpanTree {
  readonly sessionId: string;
  readonly top: SpanData;
  readonly below: readonly SpanData[];
}

/** Never throws: a lost trace does not affect the session. */
export interface SpanExporter extends AsyncDisposable {
  send(tree: SpanTree): void;
}
